"""The chat API. `routes` declares the routes; `pipeline` handles each request."""
