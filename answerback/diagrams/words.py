"""Fit texts into a drawing. Widths are estimates; wide characters count as two."""

from __future__ import annotations

import re
from html import escape
from textwrap import wrap
from unicodedata import east_asian_width

NAME, SMALL = 7.2, 5.8
"""Approximate width of a character of a name, and of a label, in px."""

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def lines(text: str, width: int, most: int) -> list[str]:
    """Wrap a text to at most `most` lines of `width` characters; "…" marks a cut."""
    return wrap(text, width // _breadth(text), max_lines=most, placeholder="…")


def width(wrapped: list[str], letter: float) -> float:
    """Return the width of the widest line, in px."""
    return max((len(line) * _breadth(line) * letter for line in wrapped), default=0)


def safe(text: str) -> str:
    """Escape a text for XML; characters that XML does not allow become "\N{REPLACEMENT CHARACTER}"."""
    return escape(_NO_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def _breadth(text: str) -> int:
    return 2 if any(east_asian_width(letter) in "WF" for letter in text) else 1
