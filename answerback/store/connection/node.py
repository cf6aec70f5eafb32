"""One Redis server, or whichever is the master behind Sentinels, with its connections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import ConnectionPool, Redis

from answerback.store.connection.pool import TrimmedPool
from answerback.store.connection.wire import Packed, Value

Command = tuple[Value, ...]


class Node:
    """A server.

    Args:
        name: Its host and port, or its socket; with Sentinels, the name of the master.
        pool: Connections on which each response is awaited for a limited time.
        patient: Connections on which a response may take any time: for blocking commands and subscriptions.
    """

    def __init__(self, name: str, pool: ConnectionPool, patient: ConnectionPool) -> None:
        self.name = name
        self.pool = pool
        self.patient = patient
        self.redis: Redis = Redis(connection_pool=pool)
        self.blocking: Redis = Redis(connection_pool=patient)

    async def pipeline(self, commands: Sequence[Command], *, transaction: bool) -> list[Any]:
        """Run several commands, all or none of them if they are a transaction."""
        async with self.redis.pipeline(transaction=transaction) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(await pipe.execute())

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Packed]:
        """Yield a connection for several commands, some of which may be rejected."""
        connection: Packed = await self.pool.get_connection()
        try:
            yield connection
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await self.pool.release(connection)

    async def ask(self, commands: Sequence[Command]) -> list[object]:
        """Send commands together on one connection. Return their responses in order, with errors as values."""
        async with self.connection() as connection:
            return await connection.ask(commands)

    @asynccontextmanager
    async def subscriber(self) -> AsyncIterator[Packed]:
        """Yield a connection for subscriptions, and close it afterwards."""
        connection: Packed = await self.patient.get_connection()
        try:
            yield connection
        finally:
            # It is still subscribed, so it must not be reused.
            await connection.disconnect(nowait=True)
            await self.patient.release(connection)

    async def trim(self) -> None:
        """Close connections that have not been used for a while."""
        for pool in (self.pool, self.patient):
            if isinstance(pool, TrimmedPool):
                await pool.trim()

    async def disconnect_idle(self) -> None:
        """Close the connections that are not in use."""
        await self.pool.disconnect(inuse_connections=False)
        await self.patient.disconnect(inuse_connections=False)

    async def close(self) -> None:
        """Close every connection."""
        await self.redis.aclose(close_connection_pool=True)
        await self.blocking.aclose(close_connection_pool=True)
