"""Where a line of markdown stands: in which code block, and in which lists and quotes that hold it.

As much of https://spec.commonmark.org/0.31.2/#container-blocks as it takes to know a code block from a text.
A code block in a list is indented as the list's content is, which may be by far more than three spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_MARKS = re.compile(r"(`{3,}|~{3,})(.*)")
_ITEM = re.compile(r"(?:[-+*]|\d{1,9}[.)])(?= |\t|$)")
_QUOTE = re.compile(r" {0,3}> ?")

DEEPEST = 16
"""Lists and quotes in each other that are looked into: nobody writes more, and a hostile text takes no longer."""


class BlockContext(NamedTuple):
    """What is open behind a line.

    fence   the opening line of the code block, without what it is indented by; "" when none is open
    lists   the columns at which the content of each open list item begins, outermost first
    quotes  how many quotes it is in
    """

    fence: str = ""
    lists: tuple[int, ...] = ()
    quotes: int = 0

    @property
    def base(self) -> int:
        """The column at which the innermost content begins, behind the marks of the quotes."""
        return self.lists[-1] if self.lists else 0

    @property
    def marks(self) -> str:
        """The backticks or tildes alone of the code block: what closes it."""
        return self.fence[: len(self.fence) - len(self.fence.lstrip(self.fence[0]))] if self.fence else ""

    def then(self, line: str) -> BlockContext:
        """What is open behind the next line."""
        if not self.fence:
            return self._text(line)
        held = self.left(line)
        if held.fence:
            _, content = unquoted(line, self.quotes)
            found = _MARKS.match(content.lstrip(" \t"))
            if found and column(content) - self.base <= 3 and closes(self.fence, found[1], found[2].strip()):
                return held._replace(fence="")
            return held
        return held._text(line)

    @property
    def head(self) -> str:
        """What begins the code block anew, in its quotes and without its lists; "" when none is open."""
        return "> " * self.quotes + self.fence + "\n" if self.fence else ""

    def onward(self, rest: str) -> BlockContext:
        """What is open behind the rest of a line that was cut, which is read as a line of its own."""
        found = BlockContext(self.fence).then(rest)
        return self._replace(fence=found.fence) if self.fence else found

    def left(self, line: str) -> BlockContext:
        """What of this is still open when the next line begins: one that is not far enough in ends what holds it."""
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
            if found := _MARKS.match(content):
                info = found[2].strip()
                # "```not a block```" on one line is inline code: https://spec.commonmark.org/0.31.2/#info-string
                if found[1][0] == "`" and "`" in info:
                    break
                return BlockContext(found[1] + info, lists, quotes)
            item = _ITEM.match(content)
            if item is None:
                break
            behind = content[item.end() :]
            gap = column(behind) if behind.strip() else 1
            # Far behind the mark is a code block that begins one space behind it.
            width = item.end() + (gap if gap <= 4 else 1)
            lists, at = (*lists, at + width), at + item.end() + gap
            content = behind.lstrip(" \t")
            if not content:
                break
        return BlockContext("", lists, quotes)


NOWHERE = BlockContext()
"""Where a text begins."""


def closes(fence: str, line_marks: str, rest: str) -> bool:
    """Whether a line of these marks, with `rest` behind them, ends the block that `fence` opened."""
    return line_marks.startswith(BlockContext(fence).marks) and not rest


def column(content: str) -> int:
    """How far a line is indented; a tab goes to the next multiple of four."""
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
    """How many quotes a line is in, `most` at most, and what is in them."""
    depth = start = 0
    while depth < most and (found := _QUOTE.match(line, start)):
        depth, start = depth + 1, found.end()
    return depth, line[start:]


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line with where it begins, without its end."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, text[start:end].rstrip("\r")
        start = end + 1


def follow(text: str, standing: BlockContext = NOWHERE, *, cut: bool = False) -> tuple[BlockContext, int]:
    """What is open at the end of `text`, and where the code block that is open there began; -1: before it, or none is.

    `standing` is what is open at its beginning; `cut`: its first line is the rest of one that was cut.
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
    """The text as it is to be written where what is open at its beginning is not: see `follow`.

    What lists indented it by is taken away, or it would be code; a code block that ends with its list is closed.
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
    """What to append so that a code block left open in `text` does not swallow what follows; "" if none is."""
    standing, _ = follow(text)
    if not standing.fence:
        return ""
    return "\n" + "> " * standing.quotes + " " * standing.base + standing.marks
