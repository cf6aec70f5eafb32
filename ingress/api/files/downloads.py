"""Send a file: as a download, never as a page of this origin; whole, or the range that the client asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from urllib.parse import quote

from aiohttp import web

from answerback.files import StoredFile, is_text

from ...problems import Problem

_INERT = frozenset(
    {
        *("text/plain", "text/csv", "text/markdown", "application/json", "application/pdf"),
        *("image/png", "image/jpeg", "image/gif", "image/webp"),
    }
)
"""Types that a browser shows without running anything; all others are sent as unknown data."""
_UNKNOWN = "application/octet-stream"

_INERT_HEADERS = {
    "Accept-Ranges": "bytes",
    # If a browser shows it all the same, nothing in it runs or is loaded.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Read = Callable[[int, int], AsyncIterator[bytes]]
"""Yields the content from one byte up to another."""


async def send_file(
    request: web.Request, file: StoredFile, read: Read, headers: Mapping[str, str] | None = None
) -> web.StreamResponse:
    """Send a file, or the range of it that the request asks for. Raises `Problem` (416).

    `headers`: its type and name; None: those for browsers.
    """
    start, end, status = _range(request, file.size)
    response = web.StreamResponse(status=status, headers={**(headers or _headers(file)), **_INERT_HEADERS})
    response.content_length = end - start
    if status == 206:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    if request.method == "HEAD" or start == end:
        await response.prepare(request)
        return response
    content = read(start, end)
    # Read before the response begins: an error can still be a problem.
    first = await anext(content)
    await response.prepare(request)
    await response.write(first)
    async for chunk in content:
        await response.write(chunk)
    await response.write_eof()
    return response


def _headers(file: StoredFile) -> dict[str, str]:
    kind = file.content_type if file.content_type in _INERT or file.content_type.startswith("audio/") else _UNKNOWN
    kind = f"{kind}; charset=utf-8" if kind != _UNKNOWN and is_text(kind) else kind
    ascii_name = "".join(char if char.isalnum() or char in "._- " else "_" for char in file.name if char.isascii())
    # https://www.rfc-editor.org/rfc/rfc6266#appendix-D
    disposition = f"attachment; filename=\"{ascii_name or 'file'}\"; filename*=UTF-8''{quote(file.name, safe='')}"
    return {"Content-Type": kind, "Content-Disposition": disposition}


def _range(request: web.Request, size: int) -> tuple[int, int, int]:
    """Return the first byte, the end, and the status of the response.

    A header that asks for several ranges, or that cannot be read, is ignored: https://www.rfc-editor.org/rfc/rfc9110#section-14.2
    """
    try:
        wanted = request.http_range
    except ValueError:
        return 0, size, 200
    if wanted.start is None and wanted.stop is None:
        return 0, size, 200
    start = wanted.start if wanted.start >= 0 else max(0, size + wanted.start)
    end = size if wanted.stop is None else min(wanted.stop, size)
    if start >= end:
        raise Problem(416, f"the file has {size} bytes", headers={"Content-Range": f"bytes */{size}"})
    return start, end, 206
