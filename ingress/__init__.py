"""The HTTP door: verifies webhooks, stores events, acknowledges. It holds no token and runs no agent."""
