"""The hidden marker at the end of our comments: the reply's key, by which a comment is recognised."""

from __future__ import annotations

import re

from answerback.platforms.blocks import closing

LIMIT = 65_536
"""Maximum length of a comment including our marker, in characters."""

OPENING = "<!-- answerback:"
ROOM = 160
"""Maximum length of a marker, in characters."""

# Only the last marker of a comment is its own: the text before it is an agent's, or quotes someone.
_MARKER = re.compile(r"<!-- answerback:([\w.-]{1,120}) -->\s*\Z")


def marker(key: str) -> str:
    """Return the marker of a reply."""
    return f"{OPENING}{key} -->"


def with_marker(text: str, key: str) -> str:
    """Return a text with its marker, outside of any code block that the text leaves open."""
    text = unmarked(text)
    return f"{text}{closing(text)}\n\n{marker(key)}"


def without_marker(body: str) -> str:
    """Return the text of a comment without its marker."""
    return _MARKER.sub("", body).rstrip()


def unmarked(text: str) -> str:
    """Disarm markers in a text, so that it cannot pass for another reply. The length stays the same."""
    return text.replace(OPENING, OPENING.replace(":", ";"))


def marked(body: str) -> str:
    """Return the reply key in a comment's marker, or "". Trust it only in our own comments."""
    match = _MARKER.search(body[-2 * ROOM :])
    return match[1] if match else ""
