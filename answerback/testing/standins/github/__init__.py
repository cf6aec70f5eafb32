"""GitHub: its REST and GraphQL APIs, its payloads and its webhooks."""
