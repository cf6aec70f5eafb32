"""What an event is about, cut to a size that every event can carry and every prompt hold."""

from __future__ import annotations

TITLE, BODY = 300, 4_000
"""Characters of a title or a path; of a description or a diff."""


def shortened(text: str, limit: int, *, end: bool = False) -> str:
    """At most `limit` characters of a text: its beginning, or its end; "…" stands for the rest."""
    if len(text) <= limit:
        return text
    return f"…{text[len(text) - limit + 1 :]}" if end else f"{text[: limit - 1]}…"
