"""Requests that arrive whole, one at a time, as webhooks do: they are handled at once.

For any request, aiohttp has a task that waits for it, another one that handles it, and a writer that sends the
response: a sixth of the time that a webhook takes.

As `connection.py` does, this relies on internals of aiohttp. `tests/unit/test_whole_requests.py` checks each, and that
the same bytes have the same response either way:

- A connection calls `_parser.feed_data` for all that arrives, and handles what it returns; `message_consumed` is called
  for each request. `_request_factory` and `_request_handler` make a request of a message, and respond to it.
- It waits for its next request, and has no other, while `_waiter` is a future that is not done.
- `_process_keepalive` closes it at `_next_keepalive_close_time`; `_keepalive_handle` is the timer that calls it.
- `_reading_paused` says whether a large body has paused the transport.
- `_close`: no other request is to be handled. `_drain_helper` waits for a client that does not read.
- `_serialize_headers` encodes a head, and `rfc822_formatted_time` returns the value of `Date`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any, cast

from aiohttp import HttpVersion11, StreamReader, web, web_response
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import RawRequestMessage, StreamWriter
from aiohttp.http_parser import HttpRequestParser
from aiohttp.http_writer import _serialize_headers

Parsed = tuple[Any, bool, bytes]
_TAKEN: Parsed = ((), False, b"")
"""What a parser returns that has found no message."""


class WholeRequests(web.RequestHandler):
    """A connection that handles a request at once if it is an ordinary POST and arrives alone and whole.

    Args:
        routes: Methods and paths of the requests for which that is done. Their responses have bodies of bytes.
    """

    __slots__ = ("_at_once", "_held", "_routes")

    def __init__(self, server: web.Server, routes: Collection[tuple[str, str]], **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._routes = routes
        self._at_once: asyncio.Task[None] | None = None
        """Handles a request."""
        self._held = b""
        """What has arrived since."""
        if routes:
            self._parser: Any = _Offering(self._parser, self._take)

    def data_received(self, data: bytes) -> None:
        if self._at_once is None:
            super().data_received(data)
        elif data and self.transport is not None:
            # Later, in its turn. The transport reads no more until then, so it stays small.
            self._held += data
            self.transport.pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        if self._reading_paused:  # each read of a body calls it, but few bodies are large
            super().resume_reading(resume_parser)

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """Finish the current request and close the connection."""
        if self._at_once is not None:
            await asyncio.wait([self._at_once], timeout=timeout)
        await super().shutdown(timeout)

    def _take(self, message: RawRequestMessage, payload: StreamReader) -> bool:
        """Handle a request at once and return True, or leave it to aiohttp."""
        waiter, make, handler, task = self._waiter, self._request_factory, self._request_handler, self._task_handler
        if (
            (message.method, message.path) not in self._routes
            or message.method != "POST"
            or message.version != HttpVersion11
            or message.upgrade
            or message.chunked
            or not payload.is_eof()
            or waiter is None
            or waiter.done()
        ):
            return False
        assert make is not None
        assert handler is not None
        assert task is not None
        request = make(message, payload, self, StreamWriter(self, self._loop), task)
        self._at_once = self._loop.create_task(self._respond(request, handler))
        return True

    async def _respond(
        self, request: web.BaseRequest, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
    ) -> None:
        close = True
        try:
            try:
                response = cast(web.Response, await handler(request))
            except Exception as error:  # noqa: BLE001 (becomes a response, as aiohttp does it)
                response = cast(web.Response, self.handle_error(request, 500, error))
            if self.transport is not None and not self.transport.is_closing():
                close = self._close or not request.keep_alive or response.keep_alive is False
                self.transport.write(encoded(response, close=close))
                if self._paused:
                    await self._drain_helper()
        except ConnectionError:
            close = True  # the client has left
        finally:
            self._at_once = None
            if close:
                self.force_close()
        if self.transport is not None:
            self._wait_for_next(self.transport)

    def _wait_for_next(self, transport: asyncio.Transport) -> None:
        self._next_keepalive_close_time = at = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(at, self._process_keepalive)
        if self._held:
            held, self._held = self._held, b""
            transport.resume_reading()
            self.data_received(held)

    def _process_keepalive(self) -> None:
        if self._at_once is None:
            super()._process_keepalive()
        else:
            self._keepalive_handle = None  # it is not idle


class _Offering:
    """A parser that offers each message that it finds alone to `take`, before aiohttp gets it.

    What the bytes mean is up to aiohttp's parser, for these messages as for all others.
    """

    __slots__ = ("_feed", "_parser", "_take")

    def __init__(self, parser: HttpRequestParser, take: Callable[[RawRequestMessage, StreamReader], bool]) -> None:
        self._parser = parser
        self._feed = parser.feed_data
        self._take = take

    def feed_data(self, data: bytes) -> Parsed:
        """Return the messages for aiohttp, whether the last one is an upgrade, and what follows it."""
        found: Parsed = self._feed(data)
        messages, upgraded, _ = found
        if len(messages) != 1 or upgraded or not self._take(*messages[0]):
            return found
        self._parser.message_consumed()
        return _TAKEN

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)


def encoded(response: web.Response, *, close: bool) -> bytes:
    """Return a response to such a request as aiohttp sends it. `close`: the connection is closed after it.

    Raises `ValueError` if a header contains a line break.
    """
    headers, body = response.headers, cast(bytes, response.body or b"")
    headers["Content-Length"] = str(len(body))
    if body:
        headers.setdefault("Content-Type", "application/octet-stream")
    headers["Date"] = rfc822_formatted_time()
    headers["Server"] = vars(web_response)["SERVER_SOFTWARE"]
    if close:
        headers["Connection"] = "close"
    return _serialize_headers(f"HTTP/1.1 {response.status} {response.reason}", headers) + body
