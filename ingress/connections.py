"""The client connections of one ingress process: limit their number, and close slow or stalled ones."""

from __future__ import annotations

import asyncio
import resource
from typing import Any, cast

from aiohttp import web
from prometheus_client import Counter, Gauge

from answerback.log import get_logger
from answerback.settings import Settings

from .problems import problem

log = get_logger(__name__)

OPEN = Gauge("answerback_connections", "Open client connections")
CLOSED = Counter("answerback_connections_closed", "Client connections closed by the server", ["reason"])

IDLE = 75.0
"""Keep-alive timeout in seconds; longer than that of common proxies, so that they close first."""
SPARE = 100
"""File descriptors reserved for everything except client connections."""


class Connection(web.RequestHandler):
    """One client connection. `fast_lane` records when a request begins and ends."""

    __slots__ = ("began", "door", "left", "request", "rested", "stalled", "wire")

    def __init__(self, door: ConnectionLimiter, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(door.server, loop=loop, **door.options)
        self.door = door
        self.request: web.BaseRequest | None = None
        """The request being handled; its headers are complete."""
        self.began = 0.0
        """When the first byte of incomplete headers arrived or, with `request` set, when its headers were complete."""
        self.rested = door.now()
        """When the connection became idle."""
        self.stalled = 0.0
        """When the client last read any of the `left` bytes in the write buffer."""
        self.left = 0
        self.wire: asyncio.Transport | None = None
        """The transport until the connection is lost. aiohttp drops `transport` on close, with bytes still buffered."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.wire = cast(asyncio.Transport, transport)
        self.door.entered(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.wire = None
        self.door.gone(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self.began:
            self.began = self.door.now()
        super().data_received(data)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return a problem. For malformed HTTP, log no traceback, and no input: it may contain secrets."""
        if status < 500:
            log.info("malformed HTTP request", error=type(exc).__name__, remote=request.remote)
            response = problem(status, "malformed HTTP request")
        else:
            log.error("request failed", path=request.path, exc_info=exc)
            response = problem(503, "internal error; try again later", retry_after=5)
        response.force_close()
        return response

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """Finish the current request and close the connection."""
        # A connection made during shutdown starts waiting for its first request after idle connections were told to
        # close (aiohttp 3.14). Without this, it would hold up the process for the whole timeout.
        await asyncio.sleep(0)
        self.close()
        await super().shutdown(timeout)

    def abort(self) -> None:
        """Close the connection at once and discard its write buffer."""
        if self.wire is not None:
            self.wire.abort()


class ConnectionLimiter:
    """Create connections; close those of slow clients, and the most idle one when there are too many."""

    def __init__(self, server: web.Server, settings: Settings) -> None:
        self.server = server
        self.closing = False
        """Whether each connection closes after its next response, because the process is stopping."""
        self.now = asyncio.get_running_loop().time
        self.options: dict[str, Any] = {
            "access_log": None,
            "keepalive_timeout": IDLE,
            "lingering_time": settings.read_timeout,
            # Signatures cover the bytes as sent; and unverified input must not be decompressed.
            "auto_decompress": False,
        }
        self._read_timeout = settings.read_timeout
        self._most = min(settings.max_connections, _descriptors() - SPARE)
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []
        self._look_again = 0.0
        OPEN.set_function(lambda: len(self._open))

    @property
    def busy(self) -> int:
        """The number of requests being handled."""
        return sum(each.request is not None for each in self._open)

    def __call__(self) -> Connection:
        """Return the protocol for a new client connection."""
        return Connection(self, asyncio.get_running_loop())

    def entered(self, connection: Connection) -> None:
        """Register a connection. Over the limit, abort the one that has been idle longest."""
        self._open.add(connection)
        if len(self._open) > self._most:
            CLOSED.labels("crowded").inc()
            # Abort, not close: a closed connection keeps its descriptor until the client has read the rest.
            self._most_idle(connection).abort()

    def gone(self, connection: Connection) -> None:
        """Unregister a connection."""
        self._open.discard(connection)

    async def watch(self) -> None:
        """Close slow and stalled connections, forever."""
        while True:
            await asyncio.sleep(min(1.0, self._read_timeout / 4))
            now = self.now()
            for connection in list(self._open):
                if self._is_stalled(connection, now):
                    CLOSED.labels("stalled").inc()
                    connection.abort()
                elif self._is_slow(connection, now):
                    CLOSED.labels("slow").inc()
                    connection.began = 0.0  # count it once
                    connection.force_close()

    def _is_slow(self, connection: Connection, now: float) -> bool:
        if connection.request is None and connection.left and connection.began:
            connection.began = now  # pipelined: it sent the next request before reading the last response
        if not connection.began:
            return False
        waited = now - connection.began
        if (request := connection.request) is None:
            return waited > self._read_timeout
        # Handlers that read a body have their own time limit and error; this covers handlers that read none.
        return waited > 2 * self._read_timeout and not request.content.is_eof()

    def _is_stalled(self, connection: Connection, now: float) -> bool:
        left = connection.wire.get_write_buffer_size() if connection.wire is not None else 0
        if not left or left != connection.left:
            connection.stalled, connection.left = now, left
            return False
        return now - connection.stalled > 3 * self._read_timeout

    def _most_idle(self, newest: Connection) -> Connection:
        now = self.now()
        if not self._idle and now >= self._look_again:
            idle = sorted((each for each in self._open if each.request is None), key=lambda each: each.rested)
            # Only the older half: a connection that was just opened is about to send its request.
            self._idle = idle[: len(idle) // 2][::-1]
            self._look_again = now if idle else now + 0.1
        while self._idle:
            oldest = self._idle.pop()
            if oldest in self._open and oldest.request is None and oldest is not newest:
                return oldest
        return newest


def _descriptors() -> int:
    """Raise the limit of file descriptors as far as the system allows, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > 65_536:
        hard = max(soft, 65_536)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    except (ValueError, OSError):
        return soft
    return hard
