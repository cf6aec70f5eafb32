"""The part of OpenAI's API that its clients need to chat with agents.

https://platform.openai.com/docs/api-reference/chat. `completions` has the routes, `request` and `answer` the models;
`prompt` turns a request into an agent's input, `refusal` a problem into OpenAI's error format.
"""
