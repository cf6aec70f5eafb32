"""Presence: people see on their platform that an agent is at work. Nothing here fails or delays a turn."""
