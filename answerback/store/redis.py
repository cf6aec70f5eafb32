"""The Redis client: the only place that opens connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from redis.asyncio import ConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import parse_url
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

from answerback.errors import StoreFull, StoreUnavailable, StoreUnfit
from answerback.store.wire import TCP, TLS, Unfit, Unix, Value

if TYPE_CHECKING:
    from answerback.store.guard import Guard
    from answerback.store.server import Ask

__all__ = ["Database", "Listener", "Value"]

# Errors of a server that rejects writes for now; any other error is a bug of ours. The client library strips the first
# word of an error it has a class for, and keeps it otherwise.
_FULL = OutOfMemoryError
_AWAY = (ReadOnlyError, ClusterDownError, TryAgainError)
_FORBIDDEN = (
    "ACL failure in script",
    "The user executing the script",
)  # Valkey and Redis, for commands within a script
_AWAY_WORDS = ("BUSY ", "NOREPLICAS ", "UNKILLABLE ")


LOOK = 5.0
"""Seconds between two inspections by the guard."""
QUIET = 15.0
"""Seconds without a message after which a subscribed connection is checked with a PING."""


class Listener:
    """A connection subscribed to channels. Its methods raise `StoreUnavailable`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def send(self, command: str, *channels: str) -> None:
        """Send SUBSCRIBE or UNSUBSCRIBE; `hear` returns the response."""
        with _translated():
            await self._connection.send_command(command, *channels)

    async def hear(self) -> tuple[str, str, bytes]:
        """Return the next item: its kind ("message", "subscribe", …), its channel, and the payload of a message."""
        with _translated():
            asked = False
            # Without any subscription, the response to PING is a simple string.
            while not isinstance(message := await self._connection.read_response(timeout=QUIET), list) or (
                message[0] == b"pong"
            ):
                if message is None and asked:
                    raise RedisTimeoutError
                if asked := message is None:
                    await self._connection.send_command("PING")
        kind, channel, payload = message
        return kind.decode(), (channel or b"").decode(), payload if isinstance(payload, bytes) else b""


class Database:
    """A Redis server. Every method raises `StoreUnavailable` or `StoreFull` instead of the client library's errors.

    A call waits `timeout` seconds for its response. Nothing is retried automatically: the caller decides what may be
    repeated. Long-lived processes pass a guard, which inspects the server for every connection and logs outages.
    """

    def __init__(self, url: str, *, timeout: float = 5.0, guard: Guard | None = None) -> None:
        options: dict[str, Any] = dict(parse_url(url))
        base = options.pop("connection_class", None)
        kind = Unix if base is UnixDomainSocketConnection else TLS if base is SSLConnection else TCP
        defaults: dict[str, Any] = {
            "socket_timeout": timeout,
            "socket_connect_timeout": min(timeout, 2.0),
            "guard": guard,
        }
        if kind is not Unix:
            defaults["socket_keepalive"] = True
        self.pool = ConnectionPool(connection_class=kind, **(defaults | options))
        self.timeout = timeout
        self.guard = guard
        self._looking: asyncio.Task[None] | None = None
        self._redis: Redis = Redis(connection_pool=self.pool)
        patient = defaults | options | {"socket_timeout": None}
        self._blocking: Redis = Redis(connection_pool=ConnectionPool(connection_class=kind, **patient))

    async def call(self, *words: str | bytes | int) -> Any:
        """Run one command."""
        await self._fit()
        with self._translated():
            async with asyncio.timeout(self.timeout):  # connecting included
                return await self._redis.execute_command(*words)  # type: ignore[no-untyped-call]

    async def wait(self, command: str, *keys: str, seconds: float) -> Any:
        """Run a blocking command on a connection of its own with a longer timeout."""
        await self._fit()
        with self._translated():
            async with asyncio.timeout(seconds + self.timeout):
                return await self._blocking.execute_command(command, *keys, f"{seconds:.3f}")  # type: ignore[no-untyped-call]

    async def look(self) -> None:
        """Let the guard inspect the server, unless it just did. Raises `StoreUnfit`."""
        if self.guard is None:
            return
        if not self.guard.fresh:
            # One inspection for all waiting callers: with a stalled server, their waits must not add up.
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look(self.guard))
            await asyncio.shield(self._looking)
        if self.guard.unfit:
            raise StoreUnfit(self.guard.unfit)

    async def keep_looking(self) -> None:
        """Inspect the server forever: its settings and role may change while connections stay open."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.look()
            except StoreUnavailable:
                pass  # logged by the guard

    async def _look(self, guard: Guard) -> None:
        try:
            async with self.asking() as ask:
                await guard.look(ask)
        except StoreUnfit:
            # The host name may point to another server by now: do not reuse connections to this one.
            await self.pool.disconnect(inuse_connections=False)
            raise

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Ask]:
        """A connection for sending several commands at once, some of which may be rejected."""
        with self._translated():
            async with asyncio.timeout(self.timeout):
                connection: Any = await self.pool.get_connection()
                try:
                    yield connection.ask
                except BaseException:
                    await connection.disconnect(nowait=True)
                    raise
                finally:
                    await self.pool.release(connection)

    async def _fit(self) -> None:
        if self.guard and self.guard.unfit:
            await self.look()

    async def script(self, source: bytes, sha: str, keys: Sequence[str], args: Sequence[Value]) -> Any:
        """Run a script, by its SHA-1 if the server knows it."""
        try:
            return await self.call("EVALSHA", sha, len(keys), *keys, *args)
        except NoScriptError:
            # The server was restarted or has never seen the script: nothing was run.
            return await self.call("EVAL", source, len(keys), *keys, *args)

    async def together(self, *commands: tuple[Value, ...]) -> list[Any]:
        """Run several commands as one transaction, on keys of one partition."""
        await self._fit()
        with self._translated():
            try:
                return await self._pipeline(commands, transaction=True)
            except _FULL:
                # A full server rejects every transaction. Read-only commands still work one by one.
                return await self._pipeline(commands, transaction=False)

    async def _pipeline(self, commands: Sequence[tuple[Value, ...]], *, transaction: bool) -> list[Any]:
        async with self._redis.pipeline(transaction=transaction) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(await pipe.execute())

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Listener]:
        """A separate connection for subscriptions."""
        await self._fit()
        with self._translated():
            connection = await self._blocking.connection_pool.get_connection()
        try:
            yield Listener(connection)
        finally:
            # It is still subscribed, so it must not be reused.
            await connection.disconnect(nowait=True)
            await self._blocking.connection_pool.release(connection)

    async def now(self) -> int:
        """Return the time of Redis in ms."""
        seconds, micros = await self.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose(close_connection_pool=True)
        await self._blocking.aclose(close_connection_pool=True)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with _translated():
                yield
        except StoreUnavailable as error:
            if self.guard:
                self.guard.failed(error, doubtful=isinstance(error.__cause__, ResponseError))
            raise
        except StoreFull as error:
            if self.guard:
                self.guard.full(error)
            raise
        if self.guard:
            self.guard.answered()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except NoScriptError:
        raise
    except Unfit as error:
        raise StoreUnfit(str(error)) from error
    except ResponseError as error:
        text = str(error)
        if isinstance(error, NoPermissionError) or text.startswith(_FORBIDDEN):
            raise StoreUnfit(f"Redis rejected a command: {text}. Run `answerback check` for what to do") from error
        if isinstance(error, _FULL) or "MISCONF" in text:
            raise StoreFull(f"Redis is full: {text}") from error
        if isinstance(error, _AWAY) or text.startswith(_AWAY_WORDS):
            raise StoreUnavailable(f"Redis is not ready: {text}") from error
        raise
    except AuthenticationError as error:
        raise StoreUnavailable(f"Redis rejected the user or password in REDIS_URL: {error}") from error
    except (RedisTimeoutError, TimeoutError) as error:
        raise StoreUnavailable("Redis did not respond in time.") from error
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"Redis is unavailable: {error}") from error
