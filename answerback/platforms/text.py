"""Split a long reply into parts that fit a platform's limit, at natural boundaries."""

from __future__ import annotations

import re
import unicodedata

from answerback.platforms.blocks import NOWHERE, BlockContext, alone, closing, follow, lines

_SENTENCE = re.compile(r"[.!?…。！？][\"'”’)\]]*\s")
_LONGEST_MARKS = 16
_LONGEST_GRAPHEME = 32
_JOINER = "\u200d"


def split(text: str, limit: int) -> list[str]:
    """Split the text into parts of at most `limit` characters (64 or more), in order.

    A part ends after a paragraph, line, sentence or word, the first of these that leaves it at least half full;
    otherwise it is cut between two characters. A code block cut in two is closed in one part and reopened, with its
    language, in the next. The continuation of a list item loses its indentation in the next part: without the item
    it would be code.
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
    """Return the next part ("" if blank), its length in the text, and what is open after it."""
    room = min(limit - len(standing.head) - _LONGEST_MARKS - 1, len(text) - 1)
    while True:
        size = _boundary(text, room)
        after, opened = follow(text[:size], standing, cut=cut)
        if opened > 0 and (opened >= room // 2 or not text[opened:size].partition("\n")[2].strip()):
            # The block starts late in this part or has no content here: move it to the next part as a whole.
            size = opened
            after, opened = follow(text[:size], standing, cut=cut)
        if len(after.marks) > _LONGEST_MARKS or max(len(after.head), after.base + 2 * after.quotes) > limit // 4:
            after = after._replace(fence="")  # not a real code block; repeating such a line would leave no room
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
    """Return what is open at the start of the next part, and the remaining text."""
    if not standing.fence:
        return standing, text.lstrip("\n")
    text = text.removeprefix("\n")
    line = text.partition("\n")[0]
    for at, ahead in () if cut else lines(text):
        left = standing.left(ahead)
        if not left.fence:  # the container of the code block ends here, and the block with it
            return left, text[at:]
        if ahead.strip():
            break
    if (standing.onward(line) if cut else standing.then(line)).fence:
        return standing, text
    return standing._replace(fence=""), text[len(line) + 1 :].lstrip("\n")


def joint(text: str) -> int:
    """Return where a text that is still being written can be cut: what follows is then appended to what is shown.

    It is between two letters or digits of one word, since white space at a joint may get lost, and not within
    something like "<!channel>", which may mean something as a whole. 0: nowhere yet.
    """
    end = len(text)
    if (token := text.rfind("<!")) >= 0 and ">" not in text[token:]:
        end = token
    for at in range(end - 1, 0, -1):
        if text[at].isalnum() and text[at - 1].isalnum():
            return at
    return 0


def encodable(text: str) -> str:
    """Make the text encodable as UTF-8: join surrogate pairs, replace lone surrogates by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _boundary(text: str, room: int) -> int:
    """Return where to cut within the first `room` characters: after a separator, at 1 or later."""
    window, half = text[:room], room // 2
    if (cut := window.rfind("\n\n") + 2) > half:
        return cut
    if (cut := window.rfind("\n") + 1) > half:
        return cut
    for match in _SENTENCE.finditer(window, half):
        cut = match.end()
    if cut > half:
        return cut
    if (cut := window.rfind(" ") + 1) > half:
        return cut
    for cut in range(room, max(room - _LONGEST_GRAPHEME, 0), -1):
        if not _joined(text[cut - 1], text[cut]):
            return cut
    return room


def _joined(left: str, right: str) -> bool:
    """Return whether two adjacent code points belong to one grapheme.

    An approximation of https://unicode.org/reports/tr29/ that errs on the side of keeping them together.
    """
    return (
        unicodedata.category(right).startswith("M")
        or _JOINER in (left, right)
        or "\U0001f3fb" <= right <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= right <= "\U000e007f"  # tags, as in the flag of Wales
        or ("\U0001f1e6" <= left <= "\U0001f1ff" and "\U0001f1e6" <= right <= "\U0001f1ff")  # other flags
        or (left == "\r" and right == "\n")
    )
