"""Who calls: API keys, session tokens, the dashboard's cookie, web origins."""
