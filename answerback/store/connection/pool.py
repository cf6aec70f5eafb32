"""Connection pools of a Cluster: they close what is not used, and follow a slot to another server."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection

IDLE = 5.0
"""Seconds after which a connection that was not used is closed, if it is not the last one."""


class TrimmedPool(ConnectionPool):
    """Connections to one server. A burst of calls may open many: `trim` closes those that are not needed any more."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._used: dict[AbstractConnection, float] = {}

    async def release(self, connection: AbstractConnection) -> None:
        """Put a connection back."""
        self._used[connection] = time.monotonic()
        await super().release(connection)

    async def trim(self) -> None:
        """Close all but one of the connections that have been idle for long."""
        past = time.monotonic() - IDLE
        # The connection that was used last is taken first, so the others are at the beginning.
        for connection in self._available_connections[:-1]:
            if self._used.get(connection, 0.0) < past:
                self._available_connections.remove(connection)
                self._used.pop(connection, None)
                await connection.disconnect(nowait=True)


class SlotPool(ConnectionPool):
    """Connections to whichever server holds a slot, for a client that knows nothing of a Cluster: arq's."""

    def __init__(self, owner: Callable[[], Awaitable[ConnectionPool]], **options: Any) -> None:
        super().__init__(**options)
        self._owner = owner
        self._pools: dict[AbstractConnection, ConnectionPool] = {}

    async def get_connection(self, command_name: Any = None, *keys: Any, **options: Any) -> AbstractConnection:
        """Take a connection of the server that holds the slot now."""
        pool = await self._owner()
        connection: AbstractConnection = await pool.get_connection()
        self._pools[connection] = pool
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        """Put it back where it came from."""
        await self._pools.pop(connection).release(connection)

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """Do nothing: the servers' own pools close them."""
