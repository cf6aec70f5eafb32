"""Markdown as Telegram's HTML, and its length as Telegram counts it.

https://core.telegram.org/bots/api#html-style
"""

from __future__ import annotations

import html
import re

from answerback.platforms.dialects import HTML, PLAIN, convert, parts, utf16_units

LIMIT = 4096
"""UTF-16 units of a message, without the tags. https://core.telegram.org/bots/api#sendmessage"""

_TAG = re.compile(r"<[^>]*>")


def formatted(markdown: str) -> str:
    """Return Markdown as HTML."""
    return convert(markdown, HTML)


def plain(markdown: str) -> str:
    """Return Markdown without marks, for what Telegram does not take as HTML."""
    return convert(markdown, PLAIN)


def split(markdown: str) -> list[str]:
    """Split Markdown into parts that fit, each as HTML."""
    return parts(markdown, LIMIT, formatted, _units)


def _units(text: str) -> int:
    # Every < of the text itself is escaped.
    return utf16_units(html.unescape(_TAG.sub("", text)))
