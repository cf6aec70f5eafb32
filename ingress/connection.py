"""One client connection, and how its requests reach their handlers.

Only here, in `whole.py` and in `asgi/connection.py`, ingress relies on internals of aiohttp.

aiohttp has no public interface for most of this. `tests/unit/test_aiohttp_server.py` checks each fact that we rely on,
on its own:

- `web.RequestHandler` is the protocol of a connection and may be subclassed: `connection_made`, `data_received`,
  `connection_lost`, `handle_error` and `shutdown` are called as in any asyncio protocol.
- It takes the options in `OPTIONS`.
- It drops its `transport` when it closes, also while the write buffer is not empty.
- `web.Server.request_handler` is read when a connection is made, and `request.protocol` is that connection.
- `request.writer.output_size` is 0 until something was sent in response.
- The default `Server` header is `aiohttp.web_response.SERVER_SOFTWARE`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol, cast

from aiohttp import web, web_response

from answerback.log import get_logger

from .problems import explained, problem, rendered
from .whole import WholeRequests

log = get_logger(__name__)

OPTIONS: dict[str, Any] = {
    "access_log": None,
    # Longer than that of common proxies, so that they close first.
    "keepalive_timeout": 75.0,
    # Signatures cover the bytes as sent; and unverified input must not be decompressed.
    "auto_decompress": False,
}
"""Options of all connections; `lingering_time` is a setting."""


class Limiter(Protocol):
    """What a connection reports to."""

    @property
    def closing(self) -> bool:
        """Whether each connection closes after its next response."""

    def now(self) -> float:
        """Return the time of the event loop."""

    def opened(self, connection: Connection, /) -> None:
        """Register a connection."""

    def lost(self, connection: Connection, /) -> None:
        """Unregister a connection."""


class Handler(Protocol):
    """Handles requests."""

    @property
    def routes(self) -> Collection[tuple[str, str]]:
        """The methods and paths of the requests."""

    async def handle(self, request: web.BaseRequest, /) -> web.Response:
        """Return the response to a request: one with a body of bytes, which may be empty."""


class Connection(WholeRequests):
    """One client connection, with the times that tell whether its client is slow. See `handle_first`."""

    __slots__ = ("began_at", "idle_since", "limiter", "open_transport", "request", "stalled_since", "unread")

    def __init__(self, server: web.Server, limiter: Limiter, lingering_time: float) -> None:
        first = server.request_handler
        routes = first.routes if isinstance(first, _First) else ()
        super().__init__(server, routes, lingering_time=lingering_time, **OPTIONS)
        self.limiter = limiter
        self.request: web.BaseRequest | None = None
        """The request being handled; its headers are complete."""
        self.began_at = 0.0
        """When the first byte of incomplete headers arrived or, with `request` set, when its headers were complete."""
        self.idle_since = limiter.now()
        """When the last request ended, or the connection was made."""
        self.unread = 0
        """Bytes in the write buffer when the limiter last looked."""
        self.stalled_since = 0.0
        """When the client last read any of the `unread` bytes."""
        self.open_transport: asyncio.Transport | None = None
        """The transport until the connection is lost. aiohttp drops `transport` on close, with bytes still buffered."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.open_transport = cast(asyncio.Transport, transport)
        self.limiter.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.open_transport = None
        self.limiter.lost(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self.began_at:
            self.began_at = self.limiter.now()
        super().data_received(data)

    def report_progress(self) -> None:
        """Let the request being handled take more time: its client sends its body fast enough."""
        if self.request is not None:
            self.began_at = self.limiter.now()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return a problem. For malformed HTTP, log no traceback, and no input: it may contain secrets.

        Raises:
            ConnectionError: a response has begun; aiohttp closes the connection, so that it is seen to be incomplete.
        """
        if status < 500:
            log.info("malformed HTTP request", error=type(exc).__name__, remote=request.remote)
            response = problem(status, "malformed HTTP request")
        else:
            log.error("request failed", path=request.path, exc_info=exc)
            response = problem(503, "internal error; try again later", retry_after=5)
        if request.writer.output_size:
            raise ConnectionError("a response has begun")
        response.force_close()
        return response

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """Finish the current request and close the connection."""
        # A connection made during shutdown starts waiting for its first request after idle connections were asked to
        # close (aiohttp 3.14). Without this, it would hold up the process for the whole timeout.
        await asyncio.sleep(0)
        self.close()
        await super().shutdown(timeout)

    def abort(self) -> None:
        """Close the connection at once and discard its write buffer."""
        if self.open_transport is not None:
            self.open_transport.abort()


def handle_first(server: web.Server, handler: Handler) -> None:
    """Have `handler` handle its requests ahead of the application, and record each connection's request.

    The router and the middlewares cost as much time as verifying a signature. All other requests, including those with
    a wrong path or method, go through the application.
    """
    server.request_handler = _First(server.request_handler, handler)


class _First:
    """Handles the requests of a server: those of `handler` ahead of the application."""

    def __init__(
        self, application: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], handler: Handler
    ) -> None:
        self._application = application
        self._handle = handler.handle
        self.routes = handler.routes

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the response to a request."""
        connection = cast(Connection, request.protocol)
        limiter = connection.limiter
        connection.request, connection.began_at = request, limiter.now()
        try:
            first = (request.method, request.path) in self.routes
            response = await (self._handle(request) if first else self._application(request))
            if limiter.closing:
                response.force_close()
            return response
        except web.HTTPExpectationFailed as error:  # raised before any middleware runs
            return rendered(explained(error, request.path))
        finally:
            connection.request, connection.began_at, connection.idle_since = None, 0.0, limiter.now()


async def send_continue(request: web.BaseRequest) -> None:
    """Send "100 Continue", after which the client sends the body. It does not count as the beginning of a response."""
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0


def name_server(name: str) -> None:
    """Set the default `Server` header, which otherwise names the versions of Python and aiohttp."""
    vars(web_response)["SERVER_SOFTWARE"] = name
