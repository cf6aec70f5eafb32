"""The routes of the chat API, one file a resource."""
