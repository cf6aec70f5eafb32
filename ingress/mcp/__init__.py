"""MCP at `/mcp`: the chat threads as tools, over the same keys, workspaces and limits as the routes of the API.

A request comes in at `endpoint`, checked as every call of the API is; `asgi` hands it to the SDK, `server` is
what the SDK calls, `tools` is what a model may do, and `hearing` waits for what an agent answers it.
"""
