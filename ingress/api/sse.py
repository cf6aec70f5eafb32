"""Server-sent events to one reader: https://html.spec.whatwg.org/multipage/server-sent-events.html.

Nothing is buffered for a slow reader: its follower reads the events from the store again. A reader that stops reading
is disconnected, and reconnects with its last event id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Annotated, ClassVar

import msgspec
from aiohttp import web

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store.stream.events import GoneEvent
from answerback.store.stream.followers import Forgotten
from answerback.store.stream.stored_events import StoredEvent

from ..problems import Problem
from .conversations.waits import current, limited
from .envelope import envelope

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


Encode = Callable[[str, bytes, str], bytes]
"""Returns an SSE event of a kind, its JSON and its id ("": none)."""


class ForgottenEvent(msgspec.Struct, frozen=True):
    """Events after your id are no longer stored: read the thread, and follow it from its `after`."""

    kind: ClassVar[str] = "forgotten"
    reason: Annotated[str, msgspec.Meta(description="why the stream ends")]


class Streams:
    """The event streams of one ingress process. An idle stream sends a comment every `heartbeat` seconds."""

    def __init__(self, heartbeat: float) -> None:
        self._heartbeat = heartbeat

    async def send(
        self,
        request: web.Request,
        events: AsyncGenerator[StoredEvent, None],
        *,
        first: bytes = b"",
        encode: Encode | None = None,
    ) -> web.StreamResponse:
        """Stream the events to their end, or until the reader disconnects. `first` is sent before them."""
        return await self.relay(request, _lines(events, encode or event), first=b"retry: %d\n\n" % RETRY + first)

    async def relay(
        self,
        request: web.Request,
        pieces: AsyncGenerator[bytes, None],
        *,
        kind: str = TYPE,
        first: bytes = b"",
        beat: bytes = b": still here\n\n",
        last: Callable[[Problem], bytes | None] = _come_back,
    ) -> web.StreamResponse:
        """Stream pieces as they arrive, and close them at the end.

        When the pieces end with a failure, the connection is aborted, because the response is incomplete.

        Args:
            beat: Sent when nothing was sent for as long as a heartbeat.
            last: Returns what to send when the request must end early; None: abort the connection.
        """
        headers = {"Content-Type": kind, "Cache-Control": CACHE, "X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            # As GET begins; it would never end.
            await pieces.aclose()
            return web.Response(headers=headers)
        response = web.StreamResponse(headers=headers)
        writer = _Writer(request, response)
        try:
            async with aclosing(pieces):
                await response.prepare(request)
                if first:
                    await writer.write(first)
                ended = await self._relay(writer, pieces, beat)
            if ended is not None:
                if (final := last(ended)) is None:
                    raise ended
                await writer.write(final)
            await response.write_eof()
        except ConnectionError:
            pass  # the client disconnected
        except (StoreUnavailable, StoreFull, Problem) as error:
            log.warning("stream ended early; its reader reconnects", error=str(error))
            _cut(request)
        return response

    async def _relay(self, writer: _Writer, pieces: AsyncGenerator[bytes, None], beat: bytes) -> Problem | None:
        """Send the pieces to their end. Return why the request must end before that, if it must.

        Raises `ConnectionError` if the reader is gone.
        """
        wait = current()
        try:
            async with limited(None) as limit:
                writer.watch(self._heartbeat, beat, limit)
                async for piece in pieces:
                    await writer.write(piece)
        except TimeoutError:
            if wait and wait.ended:
                return wait.ended
            if writer.gone:
                raise ConnectionResetError from None
            raise
        finally:
            writer.leave()
        return None


class _Writer:
    """Writes to one reader. A reader that does not read is disconnected.

    A timer sends the heartbeats, as reading the next piece must not be interrupted: thousands of idle readers need no
    second task each.

    gone  whether the reader has disconnected, or does not read
    """

    __slots__ = (
        "_beat",
        "_beating",
        "_heartbeat",
        "_limit",
        "_loop",
        "_request",
        "_response",
        "_since",
        "_timer",
        "_writing",
        "gone",
    )

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        self._request = request
        self._response = response
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._writing = False
        self._timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None
        self.gone = False

    async def write(self, data: bytes) -> None:
        """Write, and wait until the reader has taken enough. Raises `ConnectionError` if it is gone."""
        if not data:
            return
        self._since, self._writing = self._loop.time(), True
        try:
            await self._response.write(data)
        finally:
            self._since, self._writing = self._loop.time(), False

    def watch(self, heartbeat: float, beat: bytes, limit: asyncio.Timeout) -> None:
        """Send `beat` when nothing was sent for `heartbeat` seconds, and expire `limit` when the reader is gone."""
        self._heartbeat, self._beat, self._limit = heartbeat, beat, limit
        self._look()

    def leave(self) -> None:
        """Stop watching."""
        if self._timer:
            self._timer.cancel()
        if self._beating:
            self._beating.cancel()

    def _look(self) -> None:
        passed = self._loop.time() - self._since
        stalled = self._writing and passed >= STALLED
        transport = self._request.transport
        if stalled or transport is None or transport.is_closing():
            if stalled:
                log.info("stalled reader disconnected", path=self._request.path)
                _cut(self._request)
            self.gone = True
            self._limit.reschedule(self._loop.time())
            return
        if not self._writing and passed >= self._heartbeat:
            passed = 0.0
            if self._beat:
                self._beating = asyncio.create_task(self._send_beat())
        left = (STALLED if self._writing else self._heartbeat) - passed
        self._timer = self._loop.call_later(min(left, STALLED), self._look)

    async def _send_beat(self) -> None:
        # If this fails, the next look finds the reader gone.
        with suppress(ConnectionError):
            await self.write(self._beat)
        self._beating = None


async def _lines(events: AsyncGenerator[StoredEvent, None], encode: Encode) -> AsyncGenerator[bytes, None]:
    """Yield stream events in the SSE format."""
    try:
        async with aclosing(events):
            async for stored in events:
                yield encode(stored.kind, stored.data, stored.id)
                if stored.kind == GoneEvent.kind:
                    return
    except Forgotten as forgotten:
        # Without an id, so that a reader that reconnects with an older one gets the same event.
        yield encode(ForgottenEvent.kind, msgspec.json.encode(ForgottenEvent(str(forgotten))), "")


def event(kind: str, data: bytes, id: str = "") -> bytes:
    """Return one SSE event. `data` is JSON without line breaks; without `id`, the reader keeps its last event id."""
    return (b"id: %b\n" % id.encode() if id else b"") + b"event: %b\ndata: %b\n\n" % (kind.encode(), one_line(data))


def enveloped(kind: str, data: bytes, id: str = "") -> bytes:
    """Return the envelope of an event as an SSE event without a name, which browsers call a message."""
    return (b"id: %b\n" % id.encode() if id else b"") + b"data: %b\n\n" % one_line(envelope(kind, data))


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
