"""Divide documents into pieces that can be found and read by themselves: sections, and paragraphs of long ones."""

from __future__ import annotations

import re
from collections.abc import Iterator

from answerback.messages import Document

SIZE = 1500
"""The most characters of a piece."""

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def chunks(document: Document, *, markdown: bool) -> Iterator[Document]:
    """Yield the pieces of a document. A piece of Markdown begins with the headings that it stands under.

    Their source is that of the document; in Markdown, with the last heading: "refunds.md#How long it takes".
    """
    for headings, text in _sections(document.text) if markdown else [((), document.text)]:
        source = f"{document.source}#{headings[-1]}" if headings else document.source
        title = " › ".join(headings)
        for piece in _pieces(text, SIZE):
            yield Document(source=source, text=f"{title}\n\n{piece}" if title else piece)


def _sections(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the sections of a Markdown text, each with the headings that it stands under."""
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    fence = ""
    for line in text.splitlines():
        opening = _FENCE.match(line)
        if fence:
            # A fence ends with one of the same kind that is at least as long.
            fence = "" if line.strip().startswith(fence) and not line.strip().strip(fence[0]) else fence
        elif opening:
            fence = opening[1]
        elif heading := _HEADING.match(line):
            yield tuple(name for _, name in path), "\n".join(lines)
            lines = []
            level = len(heading[1])
            path = [*((depth, name) for depth, name in path if depth < level), (level, heading[2])]
            continue
        lines.append(line)
    yield tuple(name for _, name in path), "\n".join(lines)


def _pieces(text: str, size: int) -> Iterator[str]:
    """Yield the text in pieces of whole paragraphs, of at most `size` characters."""
    piece = ""
    for paragraph in re.split(r"\n\s*\n", text):
        for part in _parts(paragraph.strip("\n").rstrip(), size):
            if piece and len(piece) + len(part) + 2 > size:
                yield piece
                piece = ""
            piece = f"{piece}\n\n{part}" if piece else part
    if piece.strip():
        yield piece


def _parts(paragraph: str, size: int) -> Iterator[str]:
    """Yield a paragraph, in parts that end with a sentence, a line or a word if it is too long."""
    while len(paragraph) > size:
        ends = [match.end() for match in re.finditer(r"[.!?]\s|\n", paragraph[:size])] or [
            match.end() for match in re.finditer(r"\s", paragraph[:size])
        ]
        end = ends[-1] if ends else size
        yield paragraph[:end].rstrip()
        paragraph = paragraph[end:].lstrip()
    if paragraph.strip():
        yield paragraph
