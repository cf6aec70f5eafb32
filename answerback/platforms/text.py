"""Cutting a long reply into parts that a platform takes, at places a reader would choose."""

from __future__ import annotations

import re
import unicodedata

from answerback.platforms.blocks import NOWHERE, BlockContext, alone, closing, follow, lines

_SENTENCE = re.compile(r"[.!?…。！？][\"'”’)\]]*\s")
_LONGEST_MARKS = 16
_LONGEST_GRAPHEME = 32
_JOINER = "\u200d"


def split(text: str, limit: int) -> list[str]:
    """The text in parts of at most `limit` characters (64 or more), in order.

    A part ends after a paragraph, a line, a sentence or a word, whichever leaves it at least half
    full; only what has none of these is cut between two characters. A code block cut in two is
    closed in one part and opened again, with its language, in the next. What goes on with a list's item in
    the next part is no longer indented: without the item it would be code.
    """
    text = encodable(text)
    parts: list[str] = []
    standing, cut = NOWHERE, False
    while True:
        if len(text) <= limit and len(last := standing.head + alone(text, standing, cut=cut)) <= limit:
            return [*parts, last] if text.strip() or not parts else parts
        part, size, after = _part(text, standing, limit, cut=cut)
        if part.strip():
            parts.append(part)
        cut = text[size - 1] != "\n" and text[size] != "\n"
        text = text[size:]
        standing, text = _begin(after, text, cut=cut)


def _part(text: str, standing: BlockContext, limit: int, *, cut: bool) -> tuple[str, int, BlockContext]:
    """The next part, how much of the text it is, and what is open behind that. The part is "" where it says nothing."""
    room = min(limit - len(standing.head) - _LONGEST_MARKS - 1, len(text) - 1)
    while True:
        size = _boundary(text, room)
        after, opened = follow(text[:size], standing, cut=cut)
        if opened > 0 and (opened >= room // 2 or not text[opened:size].partition("\n")[2].strip()):
            # The block began late in this part, or has only begun: better whole in the next one.
            size = opened
            after, opened = follow(text[:size], standing, cut=cut)
        if len(after.marks) > _LONGEST_MARKS or max(len(after.head), after.base + 2 * after.quotes) > limit // 4:
            after = after._replace(fence="")  # nobody's code block; repeating such a line would leave no room
        piece = text[:size].rstrip("\n") if after.fence else text[:size].rstrip()
        part = ""
        if piece.strip():
            part = standing.head + alone(piece, standing, cut=cut)
            end = closing(part)
            part += end if len(end) <= limit // 4 else ""
        if len(part) <= limit:
            return part, size, after
        room -= len(part) - limit


def _begin(standing: BlockContext, text: str, *, cut: bool) -> tuple[BlockContext, str]:
    """What is open where the next part begins, and the text from there on."""
    if not standing.fence:
        return standing, text.lstrip("\n")
    text = text.removeprefix("\n")
    line = text.partition("\n")[0]
    for at, ahead in () if cut else lines(text):
        left = standing.left(ahead)
        if not left.fence:  # what held the code block ends here, and the block with it
            return left, text[at:]
        if ahead.strip():
            break
    if (standing.onward(line) if cut else standing.then(line)).fence:
        return standing, text
    return standing._replace(fence=""), text[len(line) + 1 :].lstrip("\n")


def encodable(text: str) -> str:
    """The text as UTF-8 can carry it: surrogate pairs joined, lone halves replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _boundary(text: str, room: int) -> int:
    """Where to cut within the first `room` characters: behind the separator, at 1 or later."""
    window, half = text[:room], room // 2
    if (cut := window.rfind("\n\n") + 2) > half:
        return cut
    if (cut := window.rfind("\n") + 1) > half:
        return cut
    for found in _SENTENCE.finditer(window, half):
        cut = found.end()
    if cut > half:
        return cut
    if (cut := window.rfind(" ") + 1) > half:
        return cut
    for cut in range(room, max(room - _LONGEST_GRAPHEME, 0), -1):
        if not _joined(text[cut - 1], text[cut]):
            return cut
    return room


def _joined(left: str, right: str) -> bool:
    """Whether two neighbours belong to one character as people see it.

    An approximation of https://unicode.org/reports/tr29/ that errs on the side of keeping together.
    """
    return (
        unicodedata.category(right).startswith("M")
        or _JOINER in (left, right)
        or "\U0001f3fb" <= right <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= right <= "\U000e007f"  # tags, as in the flag of Wales
        or ("\U0001f1e6" <= left <= "\U0001f1ff" and "\U0001f1e6" <= right <= "\U0001f1ff")  # other flags
        or (left == "\r" and right == "\n")
    )
