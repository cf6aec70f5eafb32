"""A Redis Cluster: each slot's primary, followed when a slot moves or a primary fails.

The client library's own Cluster client is not used: it repeats commands of unknown outcome by itself, has no
transactions, and closes all connections, also those in use, whenever it reads the slots again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from redis.asyncio import ConnectionPool
from redis.asyncio.cluster import ClusterParser
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from answerback.redis_address import Address
from answerback.store.connection.node import Command, Node
from answerback.store.connection.pool import SlotPool, TrimmedPool
from answerback.store.connection.slots import SLOTS, slot, slot_of, slot_of_all
from answerback.store.connection.topology import Monitor
from answerback.store.connection.wire import TCP, TLS, Packed, Value

T = TypeVar("T")

ARQ_KEY = "arq:abort"
"""The key of arq that has no hash tag: the others are in its slot; see `fleet.keys.arq_queue`."""
PAUSE, LONGEST = 0.02, 1.0
"""Seconds between two attempts while a slot is being moved or has no primary, and for how long this is tried."""
SETTLE = 0.2
"""Seconds between two readings of the slots because of an error."""

_NOT_NOW = (TryAgainError, ClusterDownError)


class Cluster:
    """The topology of a Cluster. `address.hosts` are those of its nodes that are asked first."""

    def __init__(self, address: Address, options: dict[str, Any], *, patient: dict[str, Any]) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.call: Callable[..., Any] = self._call
        self.block: Callable[..., Any] = self._call_blocking
        self._seeds = list(address.hosts)
        self._class = TLS if address.tls else TCP
        self._options = {**options, "parser_class": ClusterParser}
        self._patient = {**patient, "parser_class": ClusterParser}
        self._nodes: dict[str, Node] = {}
        self._others: list[tuple[str, int]] = []
        self._slots: list[Node | None] = [None] * SLOTS
        self._refreshing: asyncio.Task[None] | None = None
        self._refreshed = float("-inf")
        self._jobs = SlotPool(self._job_owner, connection_class=self._class, **self._options)

    # Commands --------------------------------------------------------------------------------------

    async def _call(self, *words: Value) -> Any:
        async def run(node: Node, *, ask: bool) -> Any:
            if not ask:
                return await node.call(*words)
            _, answer = await node.ask([("ASKING",), words])
            return node.parsed(words, answer)

        return await self._redirected(slot_of(words), run)

    async def _call_blocking(self, *words: Value) -> Any:
        async def run(node: Node, *, ask: bool) -> Any:
            return await node.blocking.execute_command(*words)  # type: ignore[no-untyped-call]

        return await self._redirected(slot_of(words), run)

    async def pipeline(
        self, commands: Sequence[Command], *, transaction: bool, after: Sequence[Command] = ()
    ) -> list[Any]:
        """See `Topology`."""

        async def run(node: Node, *, ask: bool) -> list[Any]:
            return await node.pipeline(commands, transaction=transaction, after=after, asking=ask)

        return await self._redirected(slot_of_all(commands), run)

    async def _redirected(self, number: int, run: Callable[..., Awaitable[T]]) -> T:
        """Run a command where a slot is. An error that says that it was not run leads to another attempt."""
        deadline = time.monotonic() + LONGEST
        node, ask = None, False
        while True:
            node = node or await self._owner(number)
            try:
                return await run(node, ask=ask)
            except MovedError as error:
                node, ask = self._moved(number, node, error), False
            except AskError as error:
                node, ask = self._node(*_place(error, node)), True
            except _NOT_NOW as error:
                # A primary has failed and has no successor yet, or some keys of the slot are here and some there.
                if time.monotonic() > deadline:
                    raise
                if isinstance(error, ClusterDownError):
                    self._suspect()
                await asyncio.sleep(PAUSE)
                node, ask = None, False
                continue
            except (RedisConnectionError, OSError, TimeoutError):
                self._suspect()
                raise
            if time.monotonic() > deadline:
                raise RedisConnectionError(f"slot {number} is being moved")

    # Nodes -----------------------------------------------------------------------------------------

    async def nodes(self) -> Sequence[Node]:
        """See `Topology`."""
        return list(self._nodes.values())

    def subscriber(self) -> AbstractAsyncContextManager[Packed]:
        """See `Topology`. A Cluster's nodes pass published messages on to each other."""
        if not self._nodes:
            raise RedisConnectionError("no node of the Cluster has responded yet")
        return random.choice(list(self._nodes.values())).subscriber()

    def job_pool(self) -> ConnectionPool:
        """See `Topology`."""
        return self._jobs

    async def monitors(self) -> Sequence[Monitor]:
        """See `Topology`."""
        return []

    async def disconnect_idle(self) -> None:
        """See `Topology`."""
        for node in self._nodes.values():
            await node.disconnect_idle()

    async def close(self) -> None:
        """See `Topology`."""
        if self._refreshing:
            self._refreshing.cancel()
        for node in list(self._nodes.values()):
            await node.close()

    async def _job_owner(self) -> ConnectionPool:
        return (await self._owner(slot(ARQ_KEY))).pool

    async def _owner(self, number: int) -> Node:
        if (node := self._slots[number]) is None:
            await self.refresh()
            if (node := self._slots[number]) is None:
                raise RedisConnectionError(f"no node of the Cluster serves slot {number}: see CLUSTER INFO")
        return node

    def _node(self, host: str, port: int) -> Node:
        name = f"{host}:{port}"
        if name not in self._nodes:
            place = {"host": host, "port": port, "connection_class": self._class}
            pools = [TrimmedPool(**place, **options) for options in (self._options, self._patient)]
            self._nodes[name] = Node(name, *pools)
        return self._nodes[name]

    def _moved(self, number: int, node: Node, error: MovedError) -> Node:
        owner = self._slots[number] = self._node(*_place(error, node))
        self._suspect()
        return owner

    # Slots -----------------------------------------------------------------------------------------

    def _suspect(self) -> None:
        """Read the slots soon: something has changed."""
        if (self._refreshing is None or self._refreshing.done()) and time.monotonic() - self._refreshed > SETTLE:
            self._refreshing = asyncio.create_task(self._read_slots())
            self._refreshing.add_done_callback(_seen)

    async def refresh(self) -> None:
        """See `Topology`."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._read_slots())
        await asyncio.shield(self._refreshing)
        for node in self._nodes.values():
            await node.trim()

    async def _read_slots(self) -> None:
        self._refreshed = time.monotonic()
        places = [
            (node.pool.connection_kwargs["host"], node.pool.connection_kwargs["port"]) for node in self._nodes.values()
        ]
        random.shuffle(places)
        last: BaseException = RedisConnectionError("it has no nodes")
        for host, port in dict.fromkeys([*places, *self._others, *self._seeds]):
            try:
                async with asyncio.timeout(self._options["socket_connect_timeout"]):
                    slots = await self._slots_of(host, port)
            except (RedisError, OSError, TimeoutError) as error:
                last = error
                continue
            self._take(host, slots)
            return
        if isinstance(last, ResponseError):
            raise last
        raise RedisConnectionError(f"no node of the Cluster responds ({str(last) or 'no response in time'})") from last

    async def _slots_of(self, host: str, port: int) -> list[Any]:
        if node := self._nodes.get(f"{host}:{port}"):
            [answer] = await node.ask([("CLUSTER", "SLOTS")])
        else:
            # A replica, or a name of a node: no connection to it is kept.
            connection = self._class(host=host, port=port, **self._options)
            try:
                [answer] = await connection.ask([("CLUSTER", "SLOTS")])
            finally:
                await connection.disconnect(nowait=True)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, list)
        return answer

    def _take(self, asked: str, ranges: list[Any]) -> None:
        """Use the slots as a node has reported them."""
        slots: list[Node | None] = [None] * SLOTS
        others: list[tuple[str, int]] = []
        primaries: dict[str, Node] = {}
        for first, last, primary, *replicas in ranges:
            node = self._node(*_host(primary, asked))
            primaries[node.name] = node
            slots[first : last + 1] = [node] * (last + 1 - first)
            others += [_host(replica, asked) for replica in replicas]
        changed = any(old is not None and old is not new for old, new in zip(self._slots, slots, strict=True))
        self._slots, self._others = slots, list(dict.fromkeys(others))
        for name in self._nodes.keys() - primaries:
            # It is a replica now, or was removed.
            closing = asyncio.create_task(self._nodes.pop(name).close())
            closing.add_done_callback(_seen)
        if changed:
            self.on_change()


def _host(place: Sequence[Any], asked: str) -> tuple[str, int]:
    host = place[0].decode() if place[0] else ""
    return (asked if host in ("", "?") else host), int(place[1])


def _place(error: AskError, node: Node) -> tuple[str, int]:
    # A node that does not know its own address sends none: it is that of the node that was asked.
    return (error.host or node.pool.connection_kwargs["host"]), int(error.port)


def _seen(task: asyncio.Task[None]) -> None:
    """An error was, or will be, raised by a command."""
    if not task.cancelled():
        task.exception()
