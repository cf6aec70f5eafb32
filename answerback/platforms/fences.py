"""A markdown text without its code."""

from __future__ import annotations

import re

from answerback.platforms.blocks import closes

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_BACKTICKS = re.compile(r"`+")


def without_code(text: str) -> str:
    """The text without fenced blocks, inline code and HTML comments: what a reader takes as spoken."""
    if not any(sign in text for sign in ("`", "~~~", "<!--")):
        return text
    return "\n\n".join(_without_spans(paragraph) for paragraph in _BLANK_LINE.split(_without_blocks(text)))


def _without_blocks(text: str) -> str:
    kept, fence, start = [], "", 0
    for found in _FENCE.finditer(text):
        line_marks, rest = found[1], found[2].strip()
        if fence and closes(fence, line_marks, rest):
            fence, start = "", found.end()
        elif not fence and not (line_marks[0] == "`" and "`" in rest):
            fence = line_marks + rest
            kept.append(text[start : found.start()])
    if not fence:
        kept.append(text[start:])
    return _without_comments("\n\n".join(kept))


def _without_comments(text: str) -> str:
    kept, start = [], 0
    while (begin := text.find("<!--", start)) >= 0:
        kept.append(text[start:begin])
        end = text.find("-->", begin + 4)
        if end < 0:  # hides all the rest; looking again for each further "<!--" would be quadratic
            return "".join(kept)
        start = end + 3
    kept.append(text[start:])
    return "".join(kept)


def _without_spans(paragraph: str) -> str:
    """Without `inline code`: a run of backticks up to the next run of the same length.

    One pass from the right finds each run's partner, so that a hostile text costs no more than a long one.
    """
    runs = [found.span() for found in _BACKTICKS.finditer(paragraph)]
    if not runs:
        return paragraph
    partner, nearest = [-1] * len(runs), dict[int, int]()
    for index in range(len(runs) - 1, -1, -1):
        length = runs[index][1] - runs[index][0]
        partner[index] = nearest.get(length, -1)
        nearest[length] = index
    kept, start, index = [], 0, 0
    while index < len(runs):
        if partner[index] < 0:
            index += 1
            continue
        kept.append(paragraph[start : runs[index][0]])
        start = runs[partner[index]][1]
        index = partner[index] + 1
    kept.append(paragraph[start:])
    return " ".join(kept)
