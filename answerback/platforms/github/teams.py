"""Mentions of whole teams in what we write."""

from __future__ import annotations

import re
from collections.abc import Iterator

from answerback.platforms.blocks import NOWHERE, column, lines, unquoted

# "@org/team", where GitHub takes it for one; "@types/node" looks the same.
# https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#mentioning-people-and-teams
_TEAM = re.compile(r"(?<![\w@/.])@(?=[a-z0-9][a-z0-9-]{0,38}/[a-z0-9])", re.ASCII | re.IGNORECASE)
_BACKTICKS = re.compile(r"`+")

GAP = "\u200b"
"""A character that nobody sees. Behind the "@" it makes a word of a mention."""


def calm(markdown: str) -> str:
    """A text of ours in which "@org/team" is a word, and wakes nobody. Code, which mentions nobody, stays as it is."""
    if "@" not in markdown:
        return markdown
    return "".join(text if code else _TEAM.sub("@" + GAP, text) for text, code in _pieces(markdown))


def _pieces(markdown: str) -> Iterator[tuple[str, bool]]:
    """All of the text in pieces, each with whether it is code."""
    start = 0
    standing, blank = NOWHERE, True
    for at, line in lines(markdown):
        inside, standing = standing.left(line), standing.then(line)
        _, content = unquoted(line, standing.quotes)
        indented = blank and column(content) - inside.base > 3
        if inside.fence or standing.fence or indented or not content.strip():
            yield from _spans(markdown[start:at])
            start = min(at + len(line) + 1, len(markdown))
            yield markdown[at:start], True
            blank = (blank and indented) or not content.strip()
        else:
            blank = False
    yield from _spans(markdown[start:])


def _spans(paragraph: str) -> Iterator[tuple[str, bool]]:
    """A paragraph in pieces, each with whether it is `inline code`: a run of backticks to the next one as long.

    One pass from the right finds each run's partner, so that a hostile text costs no more than a long one.
    """
    runs = [found.span() for found in _BACKTICKS.finditer(paragraph)]
    partners, nearest = [-1] * len(runs), dict[int, int]()
    for index in range(len(runs) - 1, -1, -1):
        length = runs[index][1] - runs[index][0]
        partners[index] = nearest.get(length, -1)
        nearest[length] = index
    start = index = 0
    while index < len(runs):
        if partners[index] < 0:
            index += 1
            continue
        end = runs[partners[index]][1]
        yield paragraph[start : runs[index][0]], False
        yield paragraph[runs[index][0] : end], True
        start, index = end, partners[index] + 1
    yield paragraph[start:], False
