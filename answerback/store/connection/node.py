"""One Redis server, or whichever is the master behind Sentinels, with its connections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import ExecAbortError, ResponseError

from answerback.store.connection.pipe import Pipe
from answerback.store.connection.pool import TrimmedPool
from answerback.store.connection.wire import Packed, Value

Command = tuple[Value, ...]


class Node:
    """A server.

    Args:
        name: Its host and port, or its socket; with Sentinels, the name of the master.
        pool: Connections on which each response is awaited for a limited time. Calls share one of them.
        patient: Connections on which a response may take any time: for blocking commands and subscriptions.
    """

    def __init__(self, name: str, pool: ConnectionPool, patient: ConnectionPool) -> None:
        self.name = name
        self.pool = pool
        self.patient = patient
        self.pipe = Pipe(pool)
        self.blocking: Redis = Redis(connection_pool=patient)
        self._callbacks: dict[Any, Callable[..., Any]] = dict(self.blocking.response_callbacks)

    async def call(self, *words: Value) -> Any:
        """Run one command."""
        return self.parsed(words, await self.pipe.call(*words))

    async def pipeline(
        self, commands: Sequence[Command], *, transaction: bool, after: Sequence[Command] = (), asking: bool = False
    ) -> list[Any]:
        """See `Topology`. With `asking`, in a slot of a Cluster that is being moved here."""
        words = [("MULTI",), *commands, ("EXEC",)] if transaction else commands
        # The server takes back ASKING after the next command, or after the transaction that begins with it.
        asked = [("ASKING",), *words] if asking and transaction else _each_asking(words) if asking else [*words]
        behind = _each_asking(after) if asking else [*after]
        # What is waited for on the server would keep all others waiting.
        answers = await (self.ask if behind else self.pipe.ask)([*asked, *behind])
        answers, rest = answers[: len(asked)], answers[len(asked) :]
        if asking:
            answers = answers[1:] if transaction else answers[1::2]
            rest = rest[1::2]
        if transaction:
            *queued, done = answers
            if isinstance(done, ExecAbortError):
                raise next((each for each in queued if isinstance(each, ResponseError)), done)
            if isinstance(done, Exception):
                raise done
            answers = list(done) if isinstance(done, list) else []
        results = [self.parsed(words, answer) for words, answer in zip(commands, answers, strict=True)]
        return [*results, *rest]

    def parsed(self, words: Command, answer: object) -> Any:
        """Return a response as the client library gives it for one command, or raise it if it is an error."""
        if isinstance(answer, Exception):
            raise answer
        callback = self._callbacks.get(words[0])
        return callback(answer) if callback else answer

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
        self.pipe.retire()
        await self.pool.disconnect(inuse_connections=False)
        await self.patient.disconnect(inuse_connections=False)

    async def close(self) -> None:
        """Close every connection."""
        self.pipe.close()
        await self.pool.disconnect()
        await self.blocking.aclose(close_connection_pool=True)


def _each_asking(commands: Sequence[Command]) -> list[Command]:
    return [each for command in commands for each in (("ASKING",), command)]
