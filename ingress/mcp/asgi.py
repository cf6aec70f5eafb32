"""Run an ASGI application behind an aiohttp route: https://asgi.readthedocs.io/en/stable/specs/www.html."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from ..api.context import Principal
from ..api.sse import CACHE, STALLED, TYPE, one_line

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Application = Callable[[Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

CALLER = "answerback.caller"
"""The scope key of the caller."""
STREAMS = "answerback.streams"
"""The scope key of whether the response may be a stream."""
ANY = b"application/json, text/event-stream"
LOOK = 1.0
"""Seconds between two checks of the connection: aiohttp does not report a disconnect while nothing is written."""


class Exchange:
    """One request with its body, and its response, in ASGI. `streams`: whether the response may be a stream."""

    def __init__(self, request: web.Request, body: bytes, caller: Principal, *, streams: bool) -> None:
        self._request = request
        self._body: bytes | None = body
        self._scope = {**_scope(request), CALLER: caller, STREAMS: streams}
        self._response: web.StreamResponse | None = None
        self._gone = asyncio.Event()

    async def run(self, application: Application) -> web.StreamResponse:
        """Run the application and return its response."""
        await application(self._scope, self._receive, self._send)
        if self._response is None and not self._left():
            raise RuntimeError(f"{application!r} gave no response")
        return self._response or web.Response()

    def leave(self) -> None:
        """Abort the connection; `_receive` then reports a disconnect to the application."""
        self._gone.set()
        if self._request.transport:
            self._request.transport.abort()

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        while not self._left():
            try:
                await asyncio.wait_for(self._gone.wait(), LOOK)
            except TimeoutError:
                pass
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._response = web.StreamResponse(status=message["status"], headers=_headers(message))
        elif message["type"] == "http.response.body" and not self._left():
            assert self._response is not None
            try:
                async with asyncio.timeout(STALLED):
                    await self._write(self._response, message)
            except (ConnectionError, TimeoutError):
                self.leave()

    async def _write(self, response: web.StreamResponse, message: Message) -> None:
        if not response.prepared:
            await response.prepare(self._request)
        body = message.get("body", b"")
        await response.write(one_line(body) if response.content_type == TYPE else body)
        if not message.get("more_body", False):
            await response.write_eof()

    def _left(self) -> bool:
        transport = self._request.transport
        return self._gone.is_set() or transport is None or transport.is_closing()


def _scope(request: web.Request) -> Scope:
    path = request.rel_url.raw_path
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": f"{request.version.major}.{request.version.minor}",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": path.encode(),
        "query_string": request.rel_url.raw_query_string.encode(),
        "root_path": "",
        # The Accept header was checked already; the SDK parses it too strictly.
        "headers": [
            (b"accept", ANY),
            *((name.lower(), value) for name, value in request.raw_headers if name.lower() != b"accept"),
        ],
        "client": None,
        "server": None,
    }


def _headers(message: Message) -> CIMultiDict[str]:
    headers = CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"])
    # The Connection header belongs to the server.
    headers.popall("connection", None)
    if headers.get("content-type", "").startswith(TYPE):
        headers["cache-control"] = CACHE
    return headers
