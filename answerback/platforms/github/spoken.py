"""Extract the author's own words from a GitHub comment: without code, quotes, HTML comments and links.

Follows CommonMark (https://spec.commonmark.org/0.31.2/) as far as needed to recognise these. One pass over the lines
and one over each paragraph: hostile text takes no more than linear time.
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"(`{3,}(?!.*`)|~{3,})")
_ITEM = re.compile(r"([-+*]|(\d{1,9})[.)])( +|$)")
_BREAK = re.compile(r"([-_*])(?: *\1){2,} *$")
_HTML = re.compile(r"<(?:(!--)|(pre|script|style|textarea|blockquote)(?=[\s>]|$))", re.IGNORECASE)
_BEGINS = re.compile(r" {0,3}(?:>|#{1,6}(?: |$)|`{3}|~{3}|[-+*] |\d{1,9}[.)] |<!--)")

_TOKEN = re.compile(r"\\[\\`<\[]|(`+)|(<!--)|</?([a-z][a-z0-9-]*)(?:[\s/][^<>]*)?>", re.IGNORECASE)
_DEEPEST = 16
"""Maximum nesting of lists; anything deeper is text."""
_SILENT = {"a", "code", "pre", "tt", "style", "script", "blockquote"}
_LINK = re.compile(r"!?\[[^\[\]]*\](?:\([^()]*\)|\[[^\[\]]*\])")
_URL = re.compile(r"<?\b(?:https?://|www\.)[^\s<>]*>?", re.IGNORECASE)

_MARKUP = re.compile(r"[`~<>\\\[\t]|    |://|www\.", re.IGNORECASE)
"""What every construct that is left out begins with, or contains."""


def spoken(markdown: str) -> str:
    """Return the remaining paragraphs, separated by blank lines; a text without any markup as it is."""
    if not _MARKUP.search(markdown):
        return markdown
    blocks = _Blocks()
    for line in markdown.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4).split("\n"):
        blocks.read(line)
    return "\n\n".join(_without_spans("\n".join(paragraph)) for paragraph in blocks.paragraphs)


class _Blocks:
    """Parses a comment line by line: keeps the paragraphs, drops everything else."""

    def __init__(self) -> None:
        self.paragraphs: list[list[str]] = []
        self._open = False
        """Whether the next line may continue the last paragraph."""
        self._margins: list[int] = []
        """The columns at which the contents of the open list items start."""
        self._fence = ""
        self._html = ""
        """The end of the open HTML block."""

    def read(self, line: str) -> None:
        """Read the next line."""
        indent = len(line) - len(line.lstrip(" "))
        if self._html:
            self._read_html(line, "")
        elif self._fence and (not line.strip() or indent >= self._margin):
            self._read_code(line[self._margin :])
        elif not line.strip():
            self._fence, self._open = "", False
        else:
            self._fence = ""
            self._leave_items(line, indent)

    @property
    def _margin(self) -> int:
        return self._margins[-1] if self._margins else 0

    def _leave_items(self, line: str, indent: int) -> None:
        """Close the list items to which this line no longer belongs."""
        kept = sum(indent >= margin for margin in self._margins)
        if kept < len(self._margins):
            outer = self._margins[kept - 1] if kept else 0
            if self._open and not _BEGINS.match(line[outer:]):
                self._say(line)  # lazy continuation: a paragraph continues whatever its lines' indentation
                return
            del self._margins[kept:]
            self._open = False
        self._read_block(line)

    def _read_block(self, line: str) -> None:
        while True:
            rest = line[self._margin :]
            indent = len(rest) - len(rest.lstrip(" "))
            body = rest[indent:]
            if indent >= 4:
                if self._open:
                    self._say(body)  # else it is code
                return
            if body.startswith(">"):
                # No lazy continuation of quotes: a line without ">" counts as the author's own words.
                self._open = False
                return
            if fence := _FENCE.match(body):
                self._fence, self._open = fence[1], False
                return
            if html := _HTML.match(body):
                self._html = "-->" if html[1] else f"</{html[2].lower()}>"
                self._read_html(body, html[0])
                return
            item = None if len(self._margins) >= _DEEPEST or _BREAK.match(body) else _ITEM.match(body)
            if item is None or (self._open and (item.end() == len(body) or item[2] not in (None, "1"))):
                self._say(body)
                self._open = not body.startswith("#")
                return
            width = item.end() if 0 < len(item[3]) <= 4 and item.end() < len(body) else item.end(1) + 1
            self._margins.append(self._margin + indent + width)
            self._open = False
            if item.end() == len(body):
                return

    def _read_code(self, line: str) -> None:
        body = line.strip()
        if line[:4].strip() and set(body) == {self._fence[0]} and len(body) >= len(self._fence):
            self._fence = ""

    def _read_html(self, line: str, opening: str) -> None:
        end = line.lower().find(self._html, len(opening))
        if end >= 0:
            rest, self._html = line[end + len(self._html) :], ""
            self._open = False
            self._say(rest)

    def _say(self, line: str) -> None:
        if not self._open:
            self.paragraphs.append([])
            self._open = True
        self.paragraphs[-1].append(line)


def _without_spans(paragraph: str) -> str:
    """Remove inline code, comments, tags, the contents of link and code tags, links and URLs."""
    lower, kept, start = paragraph.lower(), list[str](), 0
    # Remember ends that do not occur again: repeated searches would be quadratic.
    missing: set[str] = set()
    partners = _partners(paragraph)

    def after(end: str, at: int) -> int:
        position = -1 if end in missing else lower.find(end, at)
        if position < 0:
            missing.add(end)
        return position

    while token := _TOKEN.search(paragraph, start):
        kept.append(paragraph[start : token.start()])
        start, tag = token.end(), (token[3] or "").lower()
        if token[1]:
            # An unmatched run of backticks is text.
            start = partners.get(token.start(), token.end())
        elif token[2] and (end := after("-->", start)) >= 0:
            start = end + 3
        elif tag in _SILENT and token[0][1] != "/" and (end := after(f"</{tag}", start)) >= 0:
            start = end
        kept.append(" ")
    kept.append(paragraph[start:])
    return _URL.sub(" ", _LINK.sub(" ", "".join(kept)))


def _partners(paragraph: str) -> dict[int, int]:
    """Return the end of the code span for each run of backticks that starts one."""
    nearest, partners = dict[int, int](), dict[int, int]()
    for run in reversed(list(re.finditer(r"`+", paragraph))):
        length = run.end() - run.start()
        if length in nearest:
            partners[run.start()] = nearest[length]
        nearest[length] = run.end()
    return partners
