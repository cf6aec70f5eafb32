"""Track the block structure of markdown line by line: the open code block, and its lists and quotes.

Implements as much of https://spec.commonmark.org/0.31.2/#container-blocks as is needed to tell code blocks from text.
A code block in a list is indented like the list's content, which may be by far more than three spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_MARKS = re.compile(r"(`{3,}|~{3,})(.*)")
_ITEM = re.compile(r"(?:[-+*]|\d{1,9}[.)])(?= |\t|$)")
_QUOTE = re.compile(r" {0,3}> ?")

DEEPEST = 16
"""Maximum nesting of lists and quotes that is tracked, which bounds the work on hostile text."""


class BlockContext(NamedTuple):
    """The blocks that are open after a line.

    Attributes:
        fence: The opening line of the code block, without its indentation; "" if none is open.
        lists: The column at which the content of each open list item starts, outermost first.
        quotes: Nesting depth of quotes.
    """

    fence: str = ""
    lists: tuple[int, ...] = ()
    quotes: int = 0

    @property
    def base(self) -> int:
        """The column at which the innermost content starts, after the quote marks."""
        return self.lists[-1] if self.lists else 0

    @property
    def marks(self) -> str:
        """The backticks or tildes that close the code block."""
        return self.fence[: len(self.fence) - len(self.fence.lstrip(self.fence[0]))] if self.fence else ""

    def then(self, line: str) -> BlockContext:
        """Return what is open after the next line."""
        if not self.fence:
            return self._text(line)
        held = self.left(line)
        if held.fence:
            _, content = unquoted(line, self.quotes)
            match = _MARKS.match(content.lstrip(" \t"))
            if match and column(content) - self.base <= 3 and closes(self.fence, match[1], match[2].strip()):
                return held._replace(fence="")
            return held
        return held._text(line)

    @property
    def head(self) -> str:
        """The line that reopens the code block, in its quotes and without its lists; "" if none is open."""
        return "> " * self.quotes + self.fence + "\n" if self.fence else ""

    def onward(self, rest: str) -> BlockContext:
        """Return what is open after the rest of a line that was cut, which is read as a line of its own."""
        after = BlockContext(self.fence).then(rest)
        return self._replace(fence=after.fence) if self.fence else after

    def left(self, line: str) -> BlockContext:
        """Return what stays open at the start of the next line: a line with less indentation closes its containers."""
        quotes, content = unquoted(line, self.quotes if self.fence else DEEPEST)
        if quotes != self.quotes:
            return BlockContext(quotes=quotes)
        if not content.strip():
            return self
        at = column(content)
        lists = self.lists
        while lists and at < lists[-1]:
            lists = lists[:-1]
        return self if len(lists) == len(self.lists) else BlockContext("", lists, quotes)

    def _text(self, line: str) -> BlockContext:
        quotes, content = unquoted(line, DEEPEST)
        if not content.strip():
            return self if quotes == self.quotes else BlockContext(quotes=quotes)
        lists = self.left(line).lists
        at = column(content)
        content = content.lstrip(" \t")
        while at - (lists[-1] if lists else 0) <= 3 and len(lists) < DEEPEST:
            if match := _MARKS.match(content):
                info = match[2].strip()
                # "```not a block```" on one line is inline code: https://spec.commonmark.org/0.31.2/#info-string
                if match[1][0] == "`" and "`" in info:
                    break
                return BlockContext(match[1] + info, lists, quotes)
            item = _ITEM.match(content)
            if item is None:
                break
            behind = content[item.end() :]
            gap = column(behind) if behind.strip() else 1
            # More than four spaces after the mark start an indented code block, one space after the mark.
            width = item.end() + (gap if gap <= 4 else 1)
            lists, at = (*lists, at + width), at + item.end() + gap
            content = behind.lstrip(" \t")
            if not content:
                break
        return BlockContext("", lists, quotes)


NOWHERE = BlockContext()
"""The context at the start of a text."""


def closes(fence: str, line_marks: str, rest: str) -> bool:
    """Return whether a line of these marks, followed by `rest`, closes the block that `fence` opened."""
    return line_marks.startswith(BlockContext(fence).marks) and not rest


def column(content: str) -> int:
    """Return a line's indentation; a tab advances to the next multiple of four."""
    at = 0
    for character in content:
        if character == " ":
            at += 1
        elif character == "\t":
            at += 4 - at % 4
        else:
            break
    return at


def unquoted(line: str, most: int) -> tuple[int, str]:
    """Return a line's quote depth, at most `most`, and its content."""
    depth = start = 0
    while depth < most and (match := _QUOTE.match(line, start)):
        depth, start = depth + 1, match.end()
    return depth, line[start:]


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its start, without the line end."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, text[start:end].rstrip("\r")
        start = end + 1


def follow(text: str, standing: BlockContext = NOWHERE, *, cut: bool = False) -> tuple[BlockContext, int]:
    """Return what is open at the end of `text`, and where its open code block starts (-1: before `text`, or none).

    `standing` is what is open at the start; `cut`: whether the first line is the rest of one that was cut.
    """
    opened = -1
    for at, line in lines(text):
        before = standing
        standing = before.onward(line) if cut else before.then(line)
        if standing.fence and (not before.fence or not (cut or before.left(line).fence)):
            opened = at
        cut = False
    return standing, opened if standing.fence else -1


def alone(text: str, standing: BlockContext, *, cut: bool = False) -> str:
    """Rewrite the text to stand alone, without the containers that are open at its start; see `follow`.

    The indentation of lists is removed, or it would become code; a code block that ends with its list is closed.
    """
    if not standing.lists and not standing.fence:
        return text
    kept = []
    for at, line in lines(text):
        if cut:
            kept.append("> " * standing.quotes + line if standing.fence else line)
            standing, cut = standing.onward(line), False
        else:
            left = standing.left(line)
            if standing.fence and not left.fence:
                kept.append("> " * standing.quotes + standing.marks)
            kept.append(_less_indented(line, left))
            standing = standing.then(line) if left.fence else left
        if not standing.lists and not standing.fence:
            return "\n".join([*kept, text[at + len(line) + 1 :]]) if at + len(line) < len(text) else "\n".join(kept)
    return "\n".join(kept)


def _less_indented(line: str, standing: BlockContext) -> str:
    _, content = unquoted(line, standing.quotes)
    if not standing.lists or not content.strip():
        return line
    return line[: len(line) - len(content)] + " " * (column(content) - standing.base) + content.lstrip(" \t")


def closing(text: str) -> str:
    """Return the line that closes a code block left open in `text`; "" if none is."""
    standing, _ = follow(text)
    if not standing.fence:
        return ""
    return "\n" + "> " * standing.quotes + " " * standing.base + standing.marks
