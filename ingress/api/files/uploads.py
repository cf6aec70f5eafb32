"""Read an uploaded file while it arrives: the whole body, or the part `file` of a form."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from mimetypes import guess_type
from typing import NamedTuple

from aiohttp import BodyPartReader, MultipartReader, web

from ...connection import Connection
from ...problems import BROKEN_OFF, FieldError, Problem

FORM = "multipart/form-data"
NAME = 255
"""The most characters of a file name."""
SLOWEST = 65_536
"""Bytes per second that a client has to send on average, after the time that any request may take."""
PIECE = 65_536
_MALFORMED = (ValueError, AssertionError, LookupError, RuntimeError)
"""What aiohttp raises for a form that it cannot read."""


class Upload(NamedTuple):
    """A file that is being uploaded. `content` can be read once."""

    name: str
    content_type: str
    content: AsyncIterator[bytes]


class Uploads:
    """Reads uploads of at most `limit` bytes. A client may take `timeout` seconds, and more if it sends much."""

    def __init__(self, limit: int, timeout: float) -> None:
        self._limit = limit
        self._timeout = timeout

    async def open(self, request: web.Request, name: str) -> Upload:
        """Return the upload of a request. `name`: its name in the query, "" if it has none there.

        Raises:
            Problem: 400, 408, 413, 415 or 422. Reading `content` raises it, too.
        """
        if "Content-Encoding" in request.headers:
            raise Problem(415, "send the file uncompressed")
        size = request.content_length
        if size is not None and size > self._limit + (PIECE if request.content_type == FORM else 0):
            raise self._too_large()
        clock = _Clock(request, self._timeout)
        if request.content_type != FORM:
            # aiohttp has a default; a file without a type is refused.
            declared = request.headers.get("Content-Type", "")
            content = self._limited(clock, request.content.iter_chunked(PIECE))
            return Upload(file_name(name or "file"), declared, content)
        form, part = await self._part(clock, request)
        return Upload(
            file_name(name or part.filename or "file"),
            part.headers.get("Content-Type") or guess_type(part.filename or "")[0] or "text/plain",
            self._limited(clock, _pieces(form, part)),
        )

    async def _part(self, clock: _Clock, request: web.Request) -> tuple[MultipartReader, BodyPartReader]:
        try:
            async with asyncio.timeout(clock.seconds_left):
                form = await request.multipart()
                part = await form.next()
        except TimeoutError:
            raise clock.expired() from None
        except BROKEN_OFF:
            raise Problem(400, "the request body is incomplete") from None
        except _MALFORMED as error:
            raise Problem(400, f"the form cannot be read: {error}") from None
        if not isinstance(part, BodyPartReader) or part.name != "file":
            raise _not_one_file()
        return form, part

    async def _limited(self, clock: _Clock, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        size = 0
        try:
            while True:
                async with asyncio.timeout(clock.seconds_left):
                    chunk = await anext(content, b"")
                if not chunk:
                    return
                size += len(chunk)
                if size > self._limit:
                    raise self._too_large()
                clock.count(len(chunk))
                yield chunk
        except TimeoutError:
            raise clock.expired() from None
        except BROKEN_OFF:
            raise Problem(400, "the request body is incomplete") from None
        except _MALFORMED as error:
            raise Problem(400, f"the form cannot be read: {error}") from None

    def _too_large(self) -> Problem:
        return Problem(413, f"the file exceeds {self._limit} bytes (FILE_MAX_BYTES)")


class _Clock:
    """The time that is left for an upload: it grows with what has arrived."""

    def __init__(self, request: web.Request, timeout: float) -> None:
        self._now = asyncio.get_running_loop().time
        self._end = self._now() + timeout
        self._connection = request.protocol if isinstance(request.protocol, Connection) else None

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._end - self._now())

    def count(self, size: int) -> None:
        self._end += size / SLOWEST
        if self._connection:
            self._connection.report_progress()

    def expired(self) -> Problem:
        return Problem(408, f"the file did not arrive in time: send at least {SLOWEST} bytes per second")


async def _pieces(form: MultipartReader, part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(PIECE):
        yield chunk
    # A form that has no end raises.
    if await form.next() is not None:
        raise _not_one_file()


def _not_one_file() -> Problem:
    where = [FieldError(where="body", at="/file", detail="must be the first and only field of the form")]
    return Problem(422, "send one file, in the field `file`", code="invalid", errors=where)


def file_name(name: str) -> str:
    """Return a file name without a path, control characters and what cannot be stored."""
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(char for char in name if char.isprintable()).strip()
    return name.encode(errors="ignore").decode()[:NAME] or "file"
