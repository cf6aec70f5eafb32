"""The hidden marker at the end of our comments: a reply's key, by which it is known again."""

from __future__ import annotations

import re

OPENING = "<!-- answerback:"
ROOM = 160
"""Characters that a marker takes at most."""

# Of a comment's markers the last is its own: the text before it is an agent's, or quotes somebody.
_MARKER = re.compile(r"<!-- answerback:([\w.-]{1,120}) -->\s*\Z")


def marker(key: str) -> str:
    """The marker of a reply."""
    return f"{OPENING}{key} -->"


def unmarked(text: str) -> str:
    """A text that cannot pass for another reply: a marker in it becomes something else, of the same length."""
    return text.replace(OPENING, OPENING.replace(":", ";"))


def marked(body: str) -> str:
    """The key of the reply that a comment is, "" for one without a marker. Only believe it of our own comments."""
    found = _MARKER.search(body[-2 * ROOM :])
    return found[1] if found else ""
