"""The connections of one ingress process: a client that takes its time does not hold one for ever."""

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

OPEN = Gauge("answerback_connections", "Connections that clients hold")
CLOSED = Counter("answerback_connections_closed", "Connections taken from clients", ["reason"])

IDLE = 75.0
"""Seconds that a connection may rest between two requests: longer than the usual proxy lets it."""
SPARE = 100
"""File descriptors that are left for other things than clients."""


class Connection(web.RequestHandler):
    """One connection. `handle` tells it when a request begins and ends."""

    __slots__ = ("began", "door", "left", "request", "rested", "stalled", "wire")

    def __init__(self, door: ConnectionLimiter, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(door.server, loop=loop, **door.options)
        self.door = door
        self.request: web.BaseRequest | None = None
        """The request that is being answered: its headers are whole."""
        self.began = 0.0
        """When the first byte came of a request whose headers are not whole, or when that of `request` were."""
        self.rested = door.now()
        """Since when no request is being answered."""
        self.stalled = 0.0
        """Since when the client has taken nothing of `left` bytes that are for it."""
        self.left = 0
        self.wire: asyncio.Transport | None = None
        """Its transport until it is gone. aiohttp forgets `transport` on closing, when bytes may still be left."""

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
        """What is no HTTP is a client's affair: no traceback, and nothing of what it sent, which may hold a secret."""
        if status < 500:
            log.info("not HTTP as it should be", what=type(exc).__name__, remote=request.remote)
            response = problem(status, "this is not a well-formed HTTP request")
        else:
            log.error("a request failed", path=request.path, exc_info=exc)
            response = problem(503, "something went wrong here, try again", retry_after=5)
        response.force_close()
        return response

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """Let it answer what it was asked, and close it."""
        # Made just as we stop, it began to wait for its first request after those who wait were told to close
        # (aiohttp 3.14), and would keep this process for the whole timeout.
        await asyncio.sleep(0)
        self.close()
        await super().shutdown(timeout)

    def abort(self) -> None:
        """Close it now, whatever is still to be sent."""
        if self.wire is not None:
            self.wire.abort()


class ConnectionLimiter:
    """Makes connections, and closes those whose client is too slow, or too many."""

    def __init__(self, server: web.Server, settings: Settings) -> None:
        self.server = server
        self.closing = False
        """Whether each connection ends with its next response: the process is about to stop."""
        self.now = asyncio.get_running_loop().time
        self.options: dict[str, Any] = {
            "access_log": None,
            "keepalive_timeout": IDLE,
            "lingering_time": settings.read_timeout,
            # What is signed is what was sent; and a stranger's archive is not for us to unpack.
            "auto_decompress": False,
        }
        self._patience = settings.read_timeout
        self._most = min(settings.max_connections, _descriptors() - SPARE)
        self._open: set[Connection] = set()
        self._restful: list[Connection] = []
        self._look_again = 0.0
        OPEN.set_function(lambda: len(self._open))

    @property
    def busy(self) -> int:
        """How many requests are being answered."""
        return sum(each.request is not None for each in self._open)

    def __call__(self) -> Connection:
        """A connection, for whoever connects next."""
        return Connection(self, asyncio.get_running_loop())

    def entered(self, connection: Connection) -> None:
        """One more. When there is no room, the one that has rested for the longest gives way."""
        self._open.add(connection)
        if len(self._open) > self._most:
            CLOSED.labels("crowded").inc()
            # At once: what is closed waits for the client to take what is left for it, and makes no room meanwhile.
            self._resting(connection).abort()

    def gone(self, connection: Connection) -> None:
        """One less."""
        self._open.discard(connection)

    async def watch(self) -> None:
        """Look at all connections, again and again."""
        while True:
            await asyncio.sleep(min(1.0, self._patience / 4))
            now = self.now()
            for connection in list(self._open):
                if self._stalls(connection, now):
                    CLOSED.labels("stalled").inc()
                    connection.abort()
                elif self._dawdles(connection, now):
                    CLOSED.labels("slow").inc()
                    connection.began = 0.0  # once is enough
                    connection.force_close()

    def _dawdles(self, connection: Connection, now: float) -> bool:
        if connection.request is None and connection.left and connection.began:
            connection.began = now  # it asked for more before it took its answer, which comes first
        if not connection.began:
            return False
        waited = now - connection.began
        if (request := connection.request) is None:
            return waited > self._patience
        # Whoever reads a body has a limit of its own, and the words to go with it; this is for who has none.
        return waited > 2 * self._patience and not request.content.is_eof()

    def _stalls(self, connection: Connection, now: float) -> bool:
        left = connection.wire.get_write_buffer_size() if connection.wire is not None else 0
        if not left or left != connection.left:
            connection.stalled, connection.left = now, left
            return False
        return now - connection.stalled > 3 * self._patience

    def _resting(self, newest: Connection) -> Connection:
        now = self.now()
        if not self._restful and now >= self._look_again:
            resting = sorted((each for each in self._open if each.request is None), key=lambda each: each.rested)
            # Half of them, so that none is sent away that has only just come and is about to ask.
            self._restful = resting[: len(resting) // 2][::-1]
            self._look_again = now if resting else now + 0.1
        while self._restful:
            found = self._restful.pop()
            if found in self._open and found.request is None and found is not newest:
                return found
        return newest


def _descriptors() -> int:
    """How many file descriptors this process may have; all that the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > 65_536:
        hard = max(soft, 65_536)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    except (ValueError, OSError):
        return soft
    return hard
