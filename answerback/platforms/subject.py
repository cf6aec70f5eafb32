"""Limit the size of an event's subject, so that it fits into events and prompts."""

from __future__ import annotations

TITLE, BODY = 300, 4_000
"""Maximum length of a title or path, and of a description or diff, in characters."""


def shortened(text: str, limit: int, *, end: bool = False) -> str:
    """Return at most `limit` characters of a text: its start, or its end; "…" stands for the rest."""
    if len(text) <= limit:
        return text
    return f"…{text[len(text) - limit + 1 :]}" if end else f"{text[: limit - 1]}…"
