"""Server-sent events to one reader: https://html.spec.whatwg.org/multipage/server-sent-events.html.

Nothing is buffered for a slow reader: its follower reads the events from the store again. A reader that stops reading
is disconnected, and reconnects with its last event id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, ClassVar

import msgspec
from aiohttp import web

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store.stream.followers import Forgotten
from answerback.store.stream.stored_events import StoredEvent

from ..problems import Problem
from .conversations.waits import current, limited

log = get_logger(__name__)

TYPE = "text/event-stream"
CACHE = "no-cache, no-transform"
"""Keep proxies from caching or compressing a stream: a proxy that compresses also buffers."""
_BREAKS = (("\u2028".encode(), rb"\u2028"), ("\u2029".encode(), rb"\u2029"), ("\x85".encode(), rb"\u0085"))
RETRY = 1000
"""Milliseconds after which a disconnected reader reconnects."""
STALLED = 30.0
"""Seconds within which a reader must read what was sent."""


def _come_back(why: Problem) -> bytes:
    # Repeated in case the first was lost. A reader whose key was revoked must not reconnect.
    return b"retry: %d\n\n" % RETRY if why.status == 503 else b""


class ForgottenEvent(msgspec.Struct, frozen=True):
    """Events after your id are no longer stored: read the thread, and follow it from its `after`."""

    kind: ClassVar[str] = "forgotten"
    reason: Annotated[str, msgspec.Meta(description="why the stream ends")]


class Streams:
    """The event streams of one ingress process. An idle stream sends a comment every `heartbeat` seconds."""

    def __init__(self, heartbeat: float) -> None:
        self._heartbeat = heartbeat

    async def send(
        self, request: web.Request, deltas: AsyncIterator[StoredEvent], *, first: bytes = b""
    ) -> web.StreamResponse:
        """Stream the events to their end, or until the reader disconnects. `first` is sent before them."""
        return await self.relay(request, _Events(deltas), first=b"retry: %d\n\n" % RETRY + first)

    async def relay(
        self,
        request: web.Request,
        pieces: AsyncIterator[bytes],
        *,
        kind: str = TYPE,
        first: bytes = b"",
        beat: bytes = b": still here\n\n",
        last: Callable[[Problem], bytes | None] = _come_back,
    ) -> web.StreamResponse:
        """Stream pieces as they arrive; `anext(pieces)` is cancelled at each heartbeat.

        When the pieces end with a failure, the connection is aborted, because the response is incomplete.

        Args:
            beat: Sent at each heartbeat.
            last: Returns what to send when the request must end early; None: abort the connection.
        """
        headers = {"Content-Type": kind, "Cache-Control": CACHE, "X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            # As GET begins; it would never end.
            return web.Response(headers=headers)
        response = web.StreamResponse(headers=headers)
        try:
            await response.prepare(request)
            if first:
                await self._write(request, response, first)
            await self._relay(request, response, pieces, beat)
            if (wait := current()) and wait.ended:
                if (final := last(wait.ended)) is None:
                    raise wait.ended
                await self._write(request, response, final)
            await response.write_eof()
        except ConnectionError:
            pass  # the client disconnected
        except (StoreUnavailable, StoreFull, Problem) as error:
            log.warning("stream ended early; its reader reconnects", error=str(error))
            _cut(request)
        return response

    async def _relay(
        self, request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes], beat: bytes
    ) -> None:
        wait = current()
        while wait is None or not wait.ended:
            try:
                async with limited(self._heartbeat):
                    piece = await anext(pieces)
            except TimeoutError:
                piece = b"" if wait and wait.ended else beat
            except StopAsyncIteration:
                return
            if piece:
                await self._write(request, response, piece)

    async def _write(self, request: web.Request, response: web.StreamResponse, data: bytes) -> None:
        try:
            async with asyncio.timeout(STALLED):
                await response.write(data)
        except TimeoutError:
            log.info("stalled reader disconnected", path=request.path)
            _cut(request)
            raise ConnectionResetError from None


class _Events:
    """Stream events in the SSE format."""

    def __init__(self, deltas: AsyncIterator[StoredEvent]) -> None:
        self._deltas = deltas
        self._over = False

    def __aiter__(self) -> _Events:
        return self

    async def __anext__(self) -> bytes:
        if self._over:
            raise StopAsyncIteration
        try:
            delta = await anext(self._deltas)
        except Forgotten as forgotten:
            # Without an id, so that a reader that reconnects with an older one gets the same event.
            self._over = True
            return event(ForgottenEvent.kind, msgspec.json.encode(ForgottenEvent(str(forgotten))))
        self._over = delta.kind == "gone"
        return event(delta.kind, delta.data, delta.id)


def event(kind: str, data: bytes, id: str = "") -> bytes:
    """Return one SSE event. `data` is JSON without line breaks; without `id`, the reader keeps its last event id."""
    return (b"id: %b\n" % id.encode() if id else b"") + b"event: %b\ndata: %b\n\n" % (kind.encode(), one_line(data))


def one_line(json: bytes) -> bytes:
    """Escape JSON so that every reader sees a single line.

    SSE lines end with CR or LF only, but many readers split with their language's own rules; Python's `splitlines`,
    for example, also splits at U+2028, U+2029 and U+0085.
    """
    for raw, escaped in _BREAKS:
        json = json.replace(raw, escaped)
    return json


def wanted(request: web.Request) -> bool:
    """Return whether the Accept header asks for an event stream."""
    return any(part.partition(";")[0].strip().lower() == TYPE for part in request.headers.get("Accept", "").split(","))


def _cut(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()
