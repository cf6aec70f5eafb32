"""Media types of files: which are accepted, and whether a content is of the type that it is declared to be."""

from __future__ import annotations

import codecs
import re
from collections.abc import AsyncIterator, Callable, Sequence

from answerback.files import is_text

from ...problems import Problem

PATTERN = r"[\w.+-]+/[\w.+-]+(?: *; *[\w.+-]+=[\w.+-]+)*"

# https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern
_BEGINNINGS = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "application/pdf": re.compile(rb"%PDF-"),
}
"""How files of a type begin."""
_ENOUGH = 12
"""Bytes that are needed to recognise a file."""


def check_type(content_type: str, accepted: Sequence[str]) -> str:
    """Return a declared media type in lower case. Raises `Problem` (415) for one that is not accepted."""
    kind = content_type.partition(";")[0].strip().lower()
    if not re.fullmatch(PATTERN, content_type, re.ASCII) or len(content_type) > 100:
        raise _refused("give the media type of the file, such as Content-Type: image/png", accepted)
    if not {kind, f"{kind.partition('/')[0]}/*", "*/*"} & {*accepted}:
        raise _refused(f"files of the type {kind} are not accepted", accepted)
    return kind


async def checked(content: AsyncIterator[bytes], content_type: str) -> AsyncIterator[bytes]:
    """Yield a file's content while it is of its declared type. Raises `Problem` (415) where it is not."""
    beginning = _BEGINNINGS.get(content_type)
    decode = codecs.getincrementaldecoder("utf-8")().decode if is_text(content_type) else None
    head = b""
    async for chunk in content:
        if beginning and len(head) < _ENOUGH:
            head += chunk
            if len(head) < _ENOUGH:
                continue
            chunk = head
            _check_beginning(head, content_type)
        if decode:
            _check_text(decode, chunk, content_type)
        yield chunk
    if beginning and len(head) < _ENOUGH:
        _check_beginning(head, content_type)
        yield head
    if decode:
        _check_text(decode, b"", content_type, final=True)


def _check_beginning(head: bytes, content_type: str) -> None:
    if not _BEGINNINGS[content_type].match(head):
        raise Problem(415, f"the content is not of the declared type {content_type}", code="file-type")


def _check_text(decode: Callable[..., str], chunk: bytes, content_type: str, *, final: bool = False) -> None:
    try:
        decode(chunk, final)
    except UnicodeDecodeError:
        raise Problem(415, f"{content_type} must be UTF-8", code="file-type") from None


def _refused(why: str, accepted: Sequence[str]) -> Problem:
    return Problem(415, f"{why}; accepted: {', '.join(accepted)}", code="file-type")
