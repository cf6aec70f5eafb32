"""The HTTP process: verify webhooks, store events, serve the API and the pages. It holds no token and runs no agent."""
