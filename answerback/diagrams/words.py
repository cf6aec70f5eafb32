"""Texts in a drawing: cut to the room there is. Nobody measures letters here; what is wide counts as two."""

from __future__ import annotations

import re
from html import escape
from textwrap import wrap
from unicodedata import east_asian_width

NAME, SMALL = 7.2, 5.8
"""About the width of a letter of a name, and of a label, px."""

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def lines(text: str, letters: int, most: int) -> list[str]:
    """At most so many lines of so many letters; "…" stands for what is left out."""
    return wrap(text, letters // _breadth(text), max_lines=most, placeholder="…")


def width(found: list[str], letter: float) -> float:
    """Of lines, px."""
    return max((len(line) * _breadth(line) * letter for line in found), default=0)


def safe(text: str) -> str:
    """A text as XML has it: markup is letters, and what XML does not allow is "\N{REPLACEMENT CHARACTER}"."""
    return escape(_NO_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def _breadth(text: str) -> int:
    return 2 if any(east_asian_width(letter) in "WF" for letter in text) else 1
