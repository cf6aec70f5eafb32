"""Neutralise mentions of whole teams in our own text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from answerback.platforms.blocks import NOWHERE, column, lines, unquoted

# "@org/team" where GitHub recognises it; "@types/node" looks the same.
# https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#mentioning-people-and-teams
_TEAM = re.compile(r"(?<![\w@/.])@(?=[a-z0-9][a-z0-9-]{0,38}/[a-z0-9])", re.ASCII | re.IGNORECASE)
_BACKTICKS = re.compile(r"`+")

GAP = "\u200b"
"""An invisible character. After the "@" it turns a mention into plain text."""


def calm(markdown: str) -> str:
    """Make "@org/team" in our own text notify no one. Code, in which mentions have no effect, is left unchanged."""
    if "@" not in markdown:
        return markdown
    return "".join(text if code else _TEAM.sub("@" + GAP, text) for text, code in _pieces(markdown))


def _pieces(markdown: str) -> Iterator[tuple[str, bool]]:
    """Yield the text in pieces, each with whether it is code."""
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
    """Yield a paragraph in pieces, each with whether it is `inline code`: from a run of backticks to an equal one.

    One pass from the right finds each run's partner, so that hostile text takes linear time.
    """
    runs = [match.span() for match in _BACKTICKS.finditer(paragraph)]
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
