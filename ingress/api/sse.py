"""Server-sent events to one reader: https://html.spec.whatwg.org/multipage/server-sent-events.html.

What a reader does not take is not kept for it: its follower reads it from the store again, and one that takes
nothing at all is cut off. It comes back with its last id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store.stream.events import StoredEvent
from answerback.store.stream.followers import Forgotten

from ..problems import Problem
from .conversations.waits import current, limited

log = get_logger(__name__)

TYPE = "text/event-stream"
CACHE = "no-cache, no-transform"
"""No proxy may keep a stream, nor pack it: what it packs it holds back."""
_BREAKS = (("\u2028".encode(), rb"\u2028"), ("\u2029".encode(), rb"\u2029"), ("\x85".encode(), rb"\u0085"))
RETRY = 1000
"""Milliseconds after which a reader that was cut off comes back."""
STALLED = 30.0
"""Seconds for a reader to take what was sent."""


def _come_back(why: Problem) -> bytes:
    # Said again, in case the first one was lost on the way. Whose key is revoked shall not come back.
    return b"retry: %d\n\n" % RETRY if why.status == 503 else b""


class Streams:
    """The streams of one ingress process. A silent one sends a comment every `heartbeat` seconds."""

    def __init__(self, heartbeat: float) -> None:
        self._heartbeat = heartbeat

    async def send(
        self, request: web.Request, deltas: AsyncIterator[StoredEvent], *, first: bytes = b""
    ) -> web.StreamResponse:
        """Answer with the deltas to their end, or until the reader leaves. `first` is sent before them."""
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
        """Answer with pieces as they come; what waits for one is cancelled at each heartbeat.

        Where there is no more to come, and that is a failure, the connection is cut: what was sent is not whole.
        When the request has to end before its time, `last` is what is sent then; None: the connection is cut.
        """
        response = web.StreamResponse(headers={"Content-Type": kind, "Cache-Control": CACHE, "X-Accel-Buffering": "no"})
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
            pass  # it left
        except (StoreUnavailable, StoreFull, Problem) as error:
            log.warning("a stream ends early: its reader comes back", error=str(error))
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
            log.info("a reader took nothing and is cut off", path=request.path)
            _cut(request)
            raise ConnectionResetError from None


class _Events:
    """Deltas as events."""

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
            # Without an id: whoever comes back with an older one is told the same.
            self._over = True
            return event("forgotten", b'{"reason":"%b"}' % str(forgotten).encode())
        self._over = delta.kind == "gone"
        return event(delta.kind, delta.data, delta.id)


def event(kind: str, data: bytes, id: str = "") -> bytes:
    """One event. `data` is JSON without line breaks; an event without an id leaves the reader's last one as it is."""
    return (b"id: %b\n" % id.encode() if id else b"") + b"event: %b\ndata: %b\n\n" % (kind.encode(), one_line(data))


def one_line(json: bytes) -> bytes:
    """JSON that is one line to every reader.

    A line of a stream ends with CR or LF alone; but many readers cut it with what their language calls a line, and
    Python's `splitlines`, for one, also cuts at U+2028, U+2029 and U+0085.
    """
    for raw, escaped in _BREAKS:
        json = json.replace(raw, escaped)
    return json


def wanted(request: web.Request) -> bool:
    """Whether a request asks for a stream by its Accept header."""
    return any(part.partition(";")[0].strip().lower() == TYPE for part in request.headers.get("Accept", "").split(","))


def _cut(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()
