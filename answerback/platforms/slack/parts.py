"""Split a markdown text so that no part exceeds Slack's limit of blocks per message."""

from __future__ import annotations

import re

from answerback.platforms.blocks import NOWHERE, BlockContext, alone, lines

MOST = 40
"""Maximum blocks of a part. Slack accepts 50 per message, but how it converts markdown to blocks is undocumented.

https://docs.slack.dev/reference/block-kit/blocks
"""

_HEADING = re.compile(r" {0,3}#{1,6}(?: |$)")
_RULE = re.compile(r" {0,3}([-_*])(?:[ \t]*\1){2,}[ \t]*$")
_IMAGE = re.compile(r" {0,3}!\[")


def cut(markdown: str) -> list[str]:
    """Split the text into parts of at most `MOST` blocks: headings, rules, images, paragraphs, lists, tables, code."""
    begins = _begins(markdown)
    parts = []
    for number in range(0, len(begins), MOST):
        at, standing = begins[number] if number else (0, NOWHERE)
        end = begins[number + MOST][0] if number + MOST < len(begins) else len(markdown)
        parts.append(alone(markdown[at:end], standing).rstrip("\n" if end < len(markdown) else ""))
    return parts or [markdown]


def _begins(markdown: str) -> list[tuple[int, BlockContext]]:
    """Return the start of each block, and its context there."""
    begins = []
    standing, before = NOWHERE, ""
    for at, line in lines(markdown):
        held, standing = standing.left(line), standing.then(line)
        if held.fence:
            before = "code"
            continue
        kind = _kind(line, standing)
        if kind and (kind != before or kind == "single"):
            begins.append((at, held))
        before = kind
    return begins


def _kind(line: str, standing: BlockContext) -> str:
    if not line.strip():
        return ""
    if standing.fence or _HEADING.match(line) or _RULE.match(line) or _IMAGE.match(line):
        return "single"
    if standing.lists:
        return "list"
    return "quote" if standing.quotes else "table" if line.lstrip().startswith("|") else "text"
