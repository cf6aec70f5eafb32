"""Divide Markdown into parts that fit a platform's limit once they are converted."""

from __future__ import annotations

from collections.abc import Callable

from answerback.platforms.text import split

SMALLEST = 64
"""Characters of Markdown below which a part is not divided further."""


def parts(markdown: str, limit: int, convert: Callable[[str], str], count: Callable[[str], int] = len) -> list[str]:
    """Split Markdown into parts, in order, of which each is at most `limit` long as the platform counts.

    Args:
        limit: The platform's limit, by its own `count`.
        convert: Returns a part in the platform's dialect.
        count: Returns the length of a converted part.
    """
    fitting: list[str] = []
    waiting = split(markdown, max(limit, SMALLEST))[::-1]
    while waiting:
        part = waiting.pop()
        size = count(convert(part))
        if size <= limit or len(part) <= SMALLEST:
            fitting.append(part)
        else:
            # In proportion, and a bit less: marks are not spread evenly.
            room = max(SMALLEST, min(len(part) * limit * 9 // (size * 10), len(part) - 1))
            waiting += split(part, room)[::-1]
    return fitting


def utf16_units(text: str) -> int:
    """Return the length of a text in UTF-16 code units, as Telegram and LINE count."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2
