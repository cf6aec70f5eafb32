"""How we talk to Redis: the one place that opens a connection to it."""

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

# What a server says when it will not write now but may later; anything else it says is our mistake.
# The client takes the first word off where it has a class for it, and leaves it where it has none.
_FULL = OutOfMemoryError
_AWAY = (ReadOnlyError, ClusterDownError, TryAgainError)
_FORBIDDEN = ("ACL failure in script", "The user executing the script")  # Valkey and Redis, of a script's own commands
_AWAY_WORDS = ("BUSY ", "NOREPLICAS ", "UNKILLABLE ")


LOOK = 5.0
"""Seconds between two looks of the guard."""
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
    Long-lived processes bring a guard: it looks at the server at every connection, and is told of outages.
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
        """One command."""
        await self._fit()
        with self._translated():
            async with asyncio.timeout(self.timeout):  # connecting included
                return await self._redis.execute_command(*words)  # type: ignore[no-untyped-call]

    async def wait(self, command: str, *keys: str, seconds: float) -> Any:
        """A blocking command, on a connection of its own that outwaits it."""
        await self._fit()
        with self._translated():
            async with asyncio.timeout(seconds + self.timeout):
                return await self._blocking.execute_command(command, *keys, f"{seconds:.3f}")  # type: ignore[no-untyped-call]

    async def look(self) -> None:
        """Let the guard look at the server again, or hear what it found just now. Raises `StoreUnfit`."""
        if self.guard is None:
            return
        if not self.guard.fresh:
            # One look for all who wait: behind a server that stands still, their waits must not add up.
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look(self.guard))
            await asyncio.shield(self._looking)
        if self.guard.unfit:
            raise StoreUnfit(self.guard.unfit)

    async def keep_looking(self) -> None:
        """Look forever: settings and role of a server may change under connections that stay."""
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
            # The name may belong to another server by now: none that is connected to this one is used again.
            await self.pool.disconnect(inuse_connections=False)
            raise

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Ask]:
        """A connection to send several commands on at once, of which some may be refused."""
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
        """One script, by its SHA-1 where the server knows it."""
        try:
            return await self.call("EVALSHA", sha, len(keys), *keys, *args)
        except NoScriptError:
            # A server that was restarted, or never saw it: it ran nothing.
            return await self.call("EVAL", source, len(keys), *keys, *args)

    async def together(self, *commands: tuple[Value, ...]) -> list[Any]:
        """Several commands as one transaction, on keys of one partition."""
        await self._fit()
        with self._translated():
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
        await self._fit()
        with self._translated():
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
