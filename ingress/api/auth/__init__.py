"""Authentication and authorization: API keys, session tokens, the dashboard's cookie, web origins."""
