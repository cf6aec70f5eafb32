"""How we talk to Redis: the one place that opens a connection to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import hiredis
from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection, parse_url
from redis.exceptions import (
    ClusterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

from answerback.errors import StoreFull, StoreUnavailable

Value = str | bytes | int

# What a server says when it will not write now but may later; anything else it says is our mistake.
# The client takes the first word off where it has a class for it, and leaves it where it has none.
_FULL = OutOfMemoryError
_AWAY = (ReadOnlyError, ClusterDownError, TryAgainError)
_AWAY_WORDS = ("BUSY ", "NOREPLICAS ", "UNKILLABLE ")


class _Packed(AbstractConnection):
    """Packs commands in C (a group commit carries thousands of arguments), and can be cancelled while it sends."""

    def pack_command(self, *args: Any) -> list[bytes]:
        words = args[0].split() + list(args[1:]) if isinstance(args[0], str) and " " in args[0] else args
        return [hiredis.pack_command(tuple(words))]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        # The base puts its limit on a write with asyncio.wait_for. That of Python 3.11 swallows a cancellation
        # that comes just as the write ends: a loop that was told to stop would run on for ever.
        limit, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(limit):
                await super().send_packed_command(command, check_health)
        finally:
            self.socket_timeout = limit


class _TCP(_Packed, Connection):
    pass


class _TLS(_Packed, SSLConnection):
    pass


class _Unix(_Packed, UnixDomainSocketConnection):
    pass


QUIET = 15.0
"""Seconds after which a connection that hears nothing is asked whether it still stands."""


class Listener:
    """A connection that listens to channels. Its methods raise `StoreUnavailable`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def send(self, command: str, *channels: str) -> None:
        """SUBSCRIBE or UNSUBSCRIBE; the answer comes as something that is heard."""
        with _translated():
            await self._connection.send_command(command, *channels)

    async def hear(self) -> tuple[str, str, bytes]:
        """What comes next: its kind ("message", "subscribe", …), its channel, and what a message says."""
        with _translated():
            asked = False
            # Where no channel is listened to, the answer to PING is a plain word.
            while not isinstance(found := await self._connection.read_response(timeout=QUIET), list) or (
                found[0] == b"pong"
            ):
                if found is None and asked:
                    raise RedisTimeoutError
                if asked := found is None:
                    await self._connection.send_command("PING")
        kind, channel, what = found
        return kind.decode(), (channel or b"").decode(), what if isinstance(what, bytes) else b""


class Database:
    """One Redis: commands in, answers out, its errors in our words.

    A call waits `timeout` seconds for its answer. Nothing is ever sent twice behind our back: what
    may be repeated is for the caller to decide. Every method raises `StoreUnavailable` or `StoreFull`.
    """

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        options: dict[str, Any] = dict(parse_url(url))
        base = options.pop("connection_class", None)
        kind = _Unix if base is UnixDomainSocketConnection else _TLS if base is SSLConnection else _TCP
        defaults: dict[str, Any] = {
            "socket_timeout": timeout,
            "socket_connect_timeout": min(timeout, 2.0),
            "client_name": "answerback",
        }
        if kind is not _Unix:
            defaults["socket_keepalive"] = True
        self.pool = ConnectionPool(connection_class=kind, **(defaults | options))
        self._timeout = timeout
        self._redis: Redis = Redis(connection_pool=self.pool)
        patient = defaults | options | {"socket_timeout": None}
        self._blocking: Redis = Redis(connection_pool=ConnectionPool(connection_class=kind, **patient))

    async def call(self, *words: str | bytes | int) -> Any:
        """One command."""
        with _translated():
            return await self._redis.execute_command(*words)  # type: ignore[no-untyped-call]

    async def wait(self, command: str, *keys: str, seconds: float) -> Any:
        """A blocking command, on a connection of its own that outwaits it."""
        timeout = seconds + self._timeout
        with _translated():
            async with asyncio.timeout(timeout):
                return await self._blocking.execute_command(command, *keys, f"{seconds:.3f}")  # type: ignore[no-untyped-call]

    async def script(self, source: bytes, sha: str, keys: Sequence[str], args: Sequence[Value]) -> Any:
        """One script, by its SHA-1 where the server knows it."""
        try:
            return await self.call("EVALSHA", sha, len(keys), *keys, *args)
        except NoScriptError:
            # A server that was restarted, or never saw it: it ran nothing.
            return await self.call("EVAL", source, len(keys), *keys, *args)

    async def together(self, *commands: tuple[Value, ...]) -> list[Any]:
        """Several commands as one transaction, on keys of one partition."""
        with _translated():
            try:
                return await self._pipeline(commands, transaction=True)
            except _FULL:
                # A full server takes no transaction at all. Who only wants to look may look at one after the other.
                return await self._pipeline(commands, transaction=False)

    async def _pipeline(self, commands: Sequence[tuple[Value, ...]], *, transaction: bool) -> list[Any]:
        async with self._redis.pipeline(transaction=transaction) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(await pipe.execute())

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Listener]:
        """A connection of its own that listens to channels."""
        with _translated():
            connection = await self._blocking.connection_pool.get_connection()
        try:
            yield Listener(connection)
        finally:
            # It may not go back as it is: it is still subscribed.
            await connection.disconnect(nowait=True)
            await self._blocking.connection_pool.release(connection)

    async def now(self) -> int:
        """The time of Redis, ms."""
        seconds, micros = await self.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose(close_connection_pool=True)
        await self._blocking.aclose(close_connection_pool=True)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except NoScriptError:
        raise
    except ResponseError as error:
        text = str(error)
        if isinstance(error, _FULL) or "MISCONF" in text:
            raise StoreFull(f"Redis cannot store more: {text}") from error
        if isinstance(error, _AWAY) or text.startswith(_AWAY_WORDS):
            raise StoreUnavailable(f"Redis refuses for now: {text}") from error
        raise
    except (RedisTimeoutError, TimeoutError) as error:
        raise StoreUnavailable("Redis did not answer in time.") from error
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"Redis does not answer: {error}") from error
