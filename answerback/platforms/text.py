"""Cutting a long reply into parts that a platform takes, at places a reader would choose."""

from __future__ import annotations

import re
import unicodedata

from answerback.platforms.fences import closed_at, marks, open_fence

_SENTENCE = re.compile(r"[.!?…。！？][\"'”’)\]]*\s")
_LONGEST_MARKS = 16
_LONGEST_GRAPHEME = 32
_JOINER = "\u200d"


def split(text: str, limit: int) -> list[str]:
    """The text in parts of at most `limit` characters (64 or more), in order.

    A part ends after a paragraph, a line, a sentence or a word, whichever leaves it at least half
    full; only what has none of these is cut between two characters. A code block cut in two is
    closed in one part and opened again, with its language, in the next.
    """
    text = encodable(text)
    parts: list[str] = []
    fence = ""
    while True:
        head = fence + "\n" if fence else ""
        if len(head) + len(text) <= limit:
            return [*parts, head + text] if text.strip() or not parts else parts
        room = limit - len(head) - _LONGEST_MARKS - 1
        cut = _boundary(text, room)
        now_open, opened = open_fence(text[:cut], fence)
        if opened > 0 and (opened >= room // 2 or not text[opened:cut].partition("\n")[2].strip()):
            # The block began late in this part, or has only begun: better whole in the next one.
            cut = opened
            now_open, opened = open_fence(text[:cut], fence)
        piece, text = text[:cut], text[cut:]
        if len(marks(now_open)) > _LONGEST_MARKS or len(now_open) > limit // 4:
            now_open = ""  # nobody's code block; repeating such a line would leave no room for the text
        if now_open:
            piece, text = piece.rstrip("\n"), text.removeprefix("\n")
            if piece.strip():
                parts.append(f"{head}{piece}\n{marks(now_open)}")
            if end := closed_at(text, now_open):
                text, now_open = text[end:].lstrip("\n"), ""
        elif piece := piece.rstrip():
            parts.append(head + piece)
        if not now_open:
            text = text.lstrip("\n")
        fence = now_open


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
