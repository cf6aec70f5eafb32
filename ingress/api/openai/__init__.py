"""The part of OpenAI's API that their clients need to talk to our agents: https://platform.openai.com/docs/api-reference/chat.

`completions` has the routes; `request` and `answer` are what is sent and got, `prompt` is what of it an agent is
given, `refusal` is how an error looks.
"""
