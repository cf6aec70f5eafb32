"""Threads as they lie in Redis: inbox, turns, outbox, dead letters. Knows no chat product."""
