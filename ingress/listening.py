"""The listening sockets of an ingress process: its own, or those that it inherits from a supervisor."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from answerback.errors import ConfigurationError
from answerback.settings import Settings
from answerback.supervised import Supervised

from .connections import ConnectionLimiter

BACKLOG = 1024
EVERY = 0.1
"""Seconds between two looks for connections that the process which they are meant for does not accept."""


class Listener:
    """Accepts connections until it is closed."""

    def __init__(self, servers: Sequence[asyncio.Server], others: Sequence[socket.socket], factory: ConnectionLimiter):
        self._servers = servers
        self._others = others
        self._factory = factory
        self._helping = asyncio.create_task(self._help()) if others else None
        self.address: tuple[str, int] = servers[0].sockets[0].getsockname()[:2]

    def close(self) -> None:
        """Accept no more. Connections that wait for a socket of the supervisor are accepted by other processes."""
        if self._helping is not None:
            self._helping.cancel()
        for server in self._servers:
            server.close()

    async def _help(self) -> None:
        """Accept what waits for a process that has crashed or is stuck: the system goes on to give it connections."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(EVERY)
            for other in self._others:
                try:
                    connection, _ = other.accept()
                    connection.setblocking(False)
                    await loop.connect_accepted_socket(self._factory, connection)
                except OSError:  # there is none, as nearly always, or it is gone
                    continue


async def listen(factory: ConnectionLimiter, settings: Settings, supervised: Supervised | None) -> Listener:
    """Listen on HOST and PORT. Raises `ConfigurationError` if that is not possible."""
    loop = asyncio.get_running_loop()
    if supervised is not None:
        own = [socket.socket(fileno=each) for each in supervised.listeners]
        others = [socket.socket(fileno=each) for each in supervised.others]
        return Listener(
            [await loop.create_server(factory, sock=each, backlog=BACKLOG) for each in own], others, factory
        )
    try:
        server = await loop.create_server(factory, settings.host, settings.port, backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}. Set PORT or HOST to another."
        ) from None
    return Listener([server], [], factory)
