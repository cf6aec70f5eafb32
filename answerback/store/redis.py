"""The Redis client. Nothing above it opens connections, or knows whether there is one server or many."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import cache, partial
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

from redis.asyncio import ConnectionPool
from redis.exceptions import AskError, ClusterDownError, NoScriptError, ResponseError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError

from answerback.errors import StoreFull, StoreUnavailable, StoreUnfit
from answerback.redis_address import Address, Kind
from answerback.store.connection.cluster import Cluster
from answerback.store.connection.listener import Listener
from answerback.store.connection.node import Command, Node
from answerback.store.connection.single import Single
from answerback.store.connection.topology import Monitor, Topology
from answerback.store.connection.translation import FULL, translated
from answerback.store.connection.wire import Packed, Value
from answerback.store.keys import confirmation

if TYPE_CHECKING:
    from answerback.store.guard import Guard

__all__ = ["Database", "Listener", "Value"]

INTERVAL = 5.0
"""Seconds between two inspections by the guard."""


class Database:
    """The Redis at a URL. Every method raises `StoreUnavailable` or `StoreFull` instead of the client library's errors.

    A call waits `timeout` seconds for its response. Nothing is retried automatically: the caller decides what may be
    repeated. Long-lived processes pass a guard, which inspects the server for every connection and logs outages.
    Scripts whose result is promised to a caller return only when `replicas` replicas have confirmed it.
    Raises `ValueError` or `ConfigurationError` for a URL that cannot be used.
    """

    def __init__(self, url: str, *, timeout: float = 5.0, guard: Guard | None = None, replicas: int = 0) -> None:
        address = Address.parse(url)
        address.check_files()
        self.kind: Kind = address.kind
        self.timeout = timeout
        self.guard = guard
        self._replicas = replicas
        if guard:
            guard.kind, guard.replicas = address.kind, replicas
        self._inspecting: asyncio.Task[None] | None = None
        self._topology = _topology(address, timeout, guard)
        self._call = self._topology.call
        self.observe: Callable[[float], object] = _ignore
        """Is given the seconds that each call took which got a response; blocking ones are left out."""

    @property
    def pool(self) -> ConnectionPool:
        """Connections for arq, to the server that holds its keys."""
        return self._topology.job_pool()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call this when another server has become responsible for data: what it published may have been missed."""
        earlier = self._topology.on_change

        def both() -> None:
            earlier()
            callback()

        self._topology.on_change = both

    async def call(self, *words: str | bytes | int) -> Any:
        """Run one command."""
        if self.guard and self.guard.unfit:
            await self.inspect()
        began = time.perf_counter()
        try:
            result = await self._call(*words)
        except Exception:
            with self._translated():
                raise
        self.observe(time.perf_counter() - began)
        if self.guard:
            self.guard.answered()
        return result

    async def wait(self, command: str, *keys: str, seconds: float) -> Any:
        """Run a blocking command on a connection of its own with a longer timeout."""
        await self._fit()
        with self._translated():
            async with asyncio.timeout(seconds + self.timeout):
                return await self._topology.block(command, *keys, f"{seconds:.3f}")

    async def inspect(self) -> None:
        """Let the guard inspect the servers, unless it just did. Raises `StoreUnfit`."""
        if self.guard is None:
            return
        if not self.guard.fresh:
            # One inspection for all waiting callers: with a stalled server, their waits must not add up.
            if self._inspecting is None or self._inspecting.done():
                self._inspecting = asyncio.create_task(self._inspect(self.guard))
            await asyncio.shield(self._inspecting)
        if self.guard.unfit:
            raise StoreUnfit(self.guard.unfit)

    async def keep_inspecting(self) -> None:
        """Inspect the servers forever: their settings and roles may change while connections stay open."""
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await self.inspect()
            except StoreUnavailable:
                pass  # logged by the guard

    async def _inspect(self, guard: Guard) -> None:
        try:
            nodes = await self.nodes()
            guard.keep([node.name for node in nodes])
            for node in nodes:
                async with self.connection(node) as connection:
                    await guard.inspect(connection.name, connection.ask)
        except StoreUnfit:
            # The host name may point to another server by now: do not reuse connections to this one.
            await self._topology.disconnect_idle()
            raise

    async def nodes(self) -> Sequence[Node]:
        """Return the servers that accept writes, after asking which there are."""
        with self._translated():
            async with asyncio.timeout(self.timeout):
                await self._topology.refresh()
                return await self._topology.nodes()

    async def scan(self, pattern: str) -> AsyncIterator[str]:
        """Yield the names of all keys that match a pattern, on every server; some more than once."""
        for node in await self.nodes():
            cursor = -1
            while cursor:
                async with self.connection(node) as connection:
                    (page,) = await connection.ask([("SCAN", max(0, cursor), "MATCH", pattern, "COUNT", 500)])
                if isinstance(page, Exception):
                    with self._translated():
                        raise page
                next_cursor, names = cast("tuple[bytes, list[bytes]]", page)
                cursor = int(next_cursor)
                for name in names:
                    yield name.decode(errors="surrogatepass")

    @asynccontextmanager
    async def connection(self, node: Node) -> AsyncIterator[Packed]:
        """A connection to one server, for sending several commands at once, some of which may be rejected."""
        with self._translated():
            async with asyncio.timeout(self.timeout), node.connection() as connection:
                yield connection

    async def monitors(self) -> Sequence[Monitor]:
        """Return the Sentinels, if there are any."""
        async with asyncio.timeout(self.timeout * 3):
            return await self._topology.monitors()

    async def _fit(self) -> None:
        if self.guard and self.guard.unfit:
            await self.inspect()

    async def script(
        self, source: bytes, sha: str, keys: Sequence[str], args: Sequence[Value], *, promised: bool = False
    ) -> Any:
        """Run a script, by its SHA-1 if the server knows it. Replicas confirm what is `promised`."""
        run = self._promised if promised and self._replicas else self.call
        try:
            return await run("EVALSHA", sha, len(keys), *keys, *args)
        except NoScriptError:
            # The server was restarted or has never seen the script: nothing was run.
            return await run("EVAL", source, len(keys), *keys, *args)

    async def confirmed(self, *commands: tuple[Value, ...]) -> list[Any]:
        """Run commands as `together` does, and return when replicas have confirmed what they wrote."""
        if not self._replicas:
            return await self.together(*commands)
        return await self._confirmed(str(commands[0][1]), commands, transaction=len(commands) > 1)

    async def _promised(self, *words: Value) -> Any:
        """Run a script, and wait until replicas have confirmed all that it wrote and found."""
        (result,) = await self._confirmed(str(words[3]), [words], transaction=False)
        return result

    async def _confirmed(self, key: str, commands: Sequence[Command], *, transaction: bool) -> list[Any]:
        await self._fit()
        # WAIT waits for the last write on its connection. A script that finds a duplicate writes nothing, but what it
        # found may not have been confirmed, so there is always one more write behind it.
        behind = [("EVAL", _touch(), 1, confirmation(key)), *self._waits()]
        with self._translated():
            async with asyncio.timeout(self.timeout):
                run = self._transaction if transaction else partial(self._topology.pipeline, transaction=False)
                answers = await run(commands, after=behind)
                for each in answers[len(commands) :]:
                    if isinstance(each, AskError):
                        raise RedisConnectionError(f"a slot is being moved: {each}")
                    if isinstance(each, Exception):
                        raise each
        confirmed = answers[-1]
        # WAITAOF returns two numbers: of servers like ours, and of replicas.
        count = confirmed[1] if isinstance(confirmed, list) else confirmed
        if int(cast("int", count)) < self._replicas:
            error = StoreUnavailable(
                f"{count} of {self._replicas} replicas confirmed a write in time (REDIS_REPLICAS): start the missing "
                "ones, or see why they lag. Each needs an append-only file if the server has one"
            )
            if self.guard:
                self.guard.failed(error)
            raise error
        return answers[: len(commands)]

    def _waits(self) -> list[tuple[Value, ...]]:
        """Return the commands whose last response is the number of replicas, or ends with it."""
        syncs = self.guard is not None and self.guard.syncs
        # Milliseconds: the responses must arrive before the call times out.
        within = int(self.timeout * (400 if syncs else 800))
        waits: list[tuple[Value, ...]] = [("WAIT", self._replicas, within)]
        if syncs:
            # A replica that receives WAITAOF together with the write confirms the disk's state before it, and the next
            # time a second later. Behind a WAIT, it comes after the write.
            waits.append(("WAITAOF", 1, self._replicas, within))
        return waits

    async def together(self, *commands: tuple[Value, ...]) -> list[Any]:
        """Run several commands as one transaction, on keys of one partition."""
        await self._fit()
        with self._translated():
            began = time.perf_counter()
            result = await self._transaction(commands)
            self.observe(time.perf_counter() - began)
            return result

    async def at_once(self, *commands: tuple[Value, ...]) -> list[Any]:
        """Run several commands in one round trip, on keys of one partition. Others' may come between them."""
        if self.guard and self.guard.unfit:
            await self.inspect()
        try:
            return await self._topology.pipeline(commands, transaction=False)
        except Exception:
            with self._translated():
                raise

    async def _transaction(self, commands: Sequence[Command], after: Sequence[Command] = ()) -> list[Any]:
        try:
            return await self._topology.pipeline(commands, transaction=True, after=after)
        except FULL:
            # A full server rejects every transaction. Commands that read or delete still work one by one.
            return await self._topology.pipeline(commands, transaction=False, after=after)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Listener]:
        """A separate connection for subscriptions."""
        await self._fit()
        async with AsyncExitStack() as stack:
            with self._translated():
                connection = await stack.enter_async_context(self._topology.subscriber())
            yield Listener(connection)

    async def now(self) -> int:
        """Return the time of Redis in ms."""
        seconds, micros = await self.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    async def close(self) -> None:
        """Close every connection."""
        await self._topology.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with translated():
                yield
        except StoreUnavailable as error:
            if self.guard:
                cause = error.__cause__
                passing = isinstance(cause, TryAgainError | ClusterDownError)
                self.guard.failed(error, doubtful=isinstance(cause, ResponseError) and not passing)
            raise
        except StoreFull as error:
            if self.guard:
                self.guard.full(error)
            raise
        if self.guard:
            self.guard.answered()


@cache
def _touch() -> bytes:
    return resources.files("answerback.store").joinpath("lua", "touch.lua").read_bytes()


def _ignore(seconds: float) -> None:
    pass


def _topology(address: Address, timeout: float, guard: Guard | None) -> Topology:
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": min(timeout, 2.0),
        "guard": guard,
        **({} if address.path else {"socket_keepalive": True}),
        **address.options,
    }
    patient = options | {"socket_timeout": None}
    return (Cluster if address.kind == "cluster" else Single)(address, options, patient=patient)
