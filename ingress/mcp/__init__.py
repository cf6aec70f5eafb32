"""MCP at `/mcp`: chat threads as tools, with the same keys, workspaces and limits as the API.

`endpoint` handles the request after the checks of the API pipeline, `asgi` passes it to the SDK, `server` implements
the SDK's callbacks, `tools` the tools, and `answer_waiter` waits for an agent's answer.
"""
