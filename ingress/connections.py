"""The client connections of one ingress process: limit their number, and close slow or stalled ones."""

from __future__ import annotations

import asyncio
import resource

from aiohttp import web
from prometheus_client import Counter, Gauge

from answerback.settings import Settings

from .connection import Connection

OPEN = Gauge("answerback_connections", "Open client connections")
CLOSED = Counter("answerback_connections_closed", "Client connections closed by the server", ["reason"])

SPARE = 100
"""File descriptors reserved for everything except client connections."""


class ConnectionLimiter:
    """Create connections; close those of slow clients, and the most idle one when there are too many."""

    def __init__(self, server: web.Server, settings: Settings) -> None:
        self.server = server
        self.closing = False
        """Whether each connection closes after its next response, because the process is stopping."""
        self.now = asyncio.get_running_loop().time
        self._read_timeout = settings.read_timeout
        self._max = min(settings.max_connections, _raise_descriptor_limit() - SPARE)
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []
        self._sort_again_at = 0.0
        OPEN.set_function(lambda: len(self._open))

    @property
    def busy(self) -> int:
        """The number of requests being handled."""
        return sum(each.request is not None for each in self._open)

    def __call__(self) -> Connection:
        """Return the protocol for a new client connection."""
        return Connection(self.server, self, self._read_timeout)

    def close_after_responses(self) -> None:
        """Close each connection after its next response."""
        self.closing = True

    def opened(self, connection: Connection) -> None:
        """Register a connection. Over the limit, abort the one that has been idle longest."""
        self._open.add(connection)
        if len(self._open) > self._max:
            CLOSED.labels("evicted").inc()
            # Abort, not close: a closed connection keeps its descriptor until the client has read the rest.
            self._most_idle(connection).abort()

    def lost(self, connection: Connection) -> None:
        """Unregister a connection."""
        self._open.discard(connection)

    async def watch(self) -> None:
        """Close slow and stalled connections, forever."""
        while True:
            await asyncio.sleep(min(1.0, self._read_timeout / 4))
            now = self.now()
            for number, connection in enumerate(list(self._open)):
                if number % 200 == 199:
                    # With thousands of connections, others must not wait for all of them.
                    await asyncio.sleep(0)
                if self._is_stalled(connection, now):
                    CLOSED.labels("stalled").inc()
                    connection.abort()
                elif self._is_slow(connection, now):
                    CLOSED.labels("slow").inc()
                    connection.began_at = 0.0  # count it once
                    connection.force_close()

    def _is_slow(self, connection: Connection, now: float) -> bool:
        if connection.request is None and connection.unread and connection.began_at:
            connection.began_at = now  # pipelined: it sent the next request before reading the last response
        if not connection.began_at:
            return False
        waited = now - connection.began_at
        if (request := connection.request) is None:
            return waited > self._read_timeout
        # Handlers that read a body have their own time limit and error; this covers handlers that read none.
        return waited > 2 * self._read_timeout and not request.content.is_eof()

    def _is_stalled(self, connection: Connection, now: float) -> bool:
        transport = connection.open_transport
        unread = transport.get_write_buffer_size() if transport is not None else 0
        if not unread or unread != connection.unread:
            connection.stalled_since, connection.unread = now, unread
            return False
        return now - connection.stalled_since > 3 * self._read_timeout

    def _most_idle(self, newest: Connection) -> Connection:
        now = self.now()
        if not self._idle and now >= self._sort_again_at:
            idle = sorted((each for each in self._open if each.request is None), key=lambda each: each.idle_since)
            # Only the older half: a connection that was just opened is about to send its request.
            self._idle = idle[: len(idle) // 2][::-1]
            self._sort_again_at = now if idle else now + 0.1
        while self._idle:
            oldest = self._idle.pop()
            if oldest in self._open and oldest.request is None and oldest is not newest:
                return oldest
        return newest


def _raise_descriptor_limit() -> int:
    """Raise the limit of file descriptors as far as the system allows, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > 65_536:
        hard = max(soft, 65_536)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    except (ValueError, OSError):
        return soft
    return hard
