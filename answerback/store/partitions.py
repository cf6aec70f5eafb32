"""Where the keys of a thread are, also while threads are being moved to another number of partitions.

A layout spreads all threads over a number of partitions. Each layout has partitions of its own, whose keys no other
layout shares. While threads are being moved, there are two layouts: a thread is in a partition of the former one until
it has been moved, and new threads are created in the current one.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Generic, TypeVar
from zlib import crc32

import msgspec

from answerback.errors import StoreUnavailable
from answerback.store import keys
from answerback.store.keys import Partition
from answerback.store.redis import Database
from answerback.store.scripts import Scripts

OF_CLUSTER = 64
"""The default number of partitions on a Redis Cluster."""
FRESH = 1.0
"""Seconds for which a process uses the layout that it has read."""

T = TypeVar("T")


class Layout(msgspec.Struct, frozen=True, dict=True):
    """A number of partitions. The first layout of a store has the generation 0, each later one the next."""

    generation: int = 0
    count: int = 1

    @cached_property
    def partitions(self) -> tuple[Partition, ...]:
        """All partitions."""
        return tuple(self._partition(number) for number in range(self.count))

    def of(self, thread: str) -> Partition:
        """Return the partition of a thread in this layout."""
        return self.partitions[crc32(thread.encode(errors="surrogatepass")) % self.count if self.count > 1 else 0]

    def _partition(self, number: int) -> Partition:
        return f"{self.generation}.{number}" if self.generation else number


class Partitions:
    """The partitions of one store. Its layout is read again every second.

    Args:
        count: The number of partitions of a store in which no number is recorded; None: 1, or 64 of a Cluster.
    """

    def __init__(self, database: Database, scripts: Scripts, count: int | None = None) -> None:
        self._database = database
        self._scripts = scripts
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        # All keys of a partition are on one server: a Cluster needs several of them for each.
        self.current = Layout(count=count or (OF_CLUSTER if database.kind == "cluster" else 1))
        self.former: Layout | None = None
        self._recorded = False
        self._closed: set[Partition] = set()
        """Partitions of former layouts that replicas, too, know to be closed."""
        self._order = asyncio.Lock()
        self._waiting = 0

    @property
    def settled(self) -> bool:
        """Whether every thread is in the current layout, as far as this process knows, and no reader waits."""
        fresh = time.monotonic() - self._read_at <= FRESH
        return fresh and self._recorded and self.former is None and not self._waiting

    @asynccontextmanager
    async def in_order(self) -> AsyncIterator[None]:
        """Let the callers through one at a time, in the order in which they come."""
        self._waiting += 1
        try:
            async with self._order:
                yield
        finally:
            self._waiting -= 1

    async def record(self) -> None:
        """Record the number of partitions, before the first thread is created."""
        if not self._recorded:
            await self._database.confirmed(("HSETNX", keys.layout(), "count", self.current.count))
            await self.read()

    async def read(self) -> None:
        """Read the layout of the store. Raises `StoreUnavailable`."""
        began = time.monotonic()
        stored = await self._database.call("HGETALL", keys.layout())
        if b"count" in stored:
            self._recorded = True
            self.current = Layout(int(stored.get(b"generation", 0)), int(stored[b"count"]))
            self.former = (
                Layout(int(stored[b"former_generation"]), int(stored[b"former_count"]))
                if b"former_count" in stored
                else None
            )
        self._read_at = began

    async def all(self) -> tuple[Partition, ...]:
        """Return all partitions: of both layouts while threads are being moved. Raises `StoreUnavailable`."""
        await self._refresh()
        return (*self.former.partitions, *self.current.partitions) if self.former else self.current.partitions

    async def locate(self, thread: str) -> Partition:
        """Return the partition that a thread is in, or would be in if it existed. Raises `StoreUnavailable`.

        While threads are being moved, it may be moved right after that, unless the caller holds it; see `places`.
        """
        if time.monotonic() - self._read_at > FRESH / 2:
            await self._refresh()
        if self.former is None:
            return self.current.of(thread)
        former, current = self.former.of(thread), self.current.of(thread)
        where = await self._scripts.locate(
            [
                keys.clock(former), keys.moved(former),
                keys.thread(former, thread), keys.inbox(former, thread), keys.amendments(former, thread),
            ],
            id=thread,
        )  # fmt: skip
        if where == b"here":
            return former
        if where:
            # The worker that moves it has not finished. Imported here: there are two layouts only for a while.
            from answerback.store.copies import arrive

            await arrive(self._database, self._scripts, thread, former, current, where.decode())
        elif not await self._stays_closed(former):
            return former
        return current

    async def _stays_closed(self, former: Partition) -> bool:
        """Return whether a partition of the former layout is closed, and will be after a failover.

        If it was open again, threads that are created elsewhere because it is closed would be created in it, too.
        """
        if former not in self._closed:
            (closed,) = await self._database.confirmed(("HGET", keys.clock(former), "closed"))
            if closed is None:
                return False
            self._closed.add(former)
        return True

    async def places(self, thread: str) -> AsyncIterator[Partition]:
        """Yield the partition that a thread is in; and once more, if it was moved before the caller got there.

        The caller ends the iteration as soon as it has found the thread.
        """
        place = await self.locate(thread)
        yield place
        await self.read()
        if (moved := await self.locate(thread)) != place:
            yield moved

    async def group(self, threads: Sequence[str]) -> dict[Partition, list[str]]:
        """Return some threads by the partition that they are in."""
        await self._refresh()
        groups: defaultdict[Partition, list[str]] = defaultdict(list)
        if self.former is None:
            for thread in threads:
                groups[self.current.of(thread)].append(thread)
            return groups
        for thread in threads:
            groups[self.former.of(thread)].append(thread)
        for p, members in list(groups.items()):
            scores = await self._database.call("ZMSCORE", keys.threads(p), *members)
            groups[p] = [thread for thread, score in zip(members, scores, strict=True) if score is not None]
            for thread, score in zip(members, scores, strict=True):
                if score is None:
                    groups[self.current.of(thread)].append(thread)
        return {p: members for p, members in groups.items() if members}

    async def bring_deliveries(self, p: Partition, thread: str, deliveries: Sequence[str]) -> None:
        """Copy what is recorded about deliveries from the former partition of their thread to `p`."""
        if self.former is None or (former := self.former.of(thread)) == p:
            return
        for delivery in filter(None, deliveries):
            await self._copy_delivery(keys.seen(former, delivery), keys.seen(p, delivery))

    async def _copy_delivery(self, source: str, target: str) -> None:
        state, left = await self._database.together(("GET", source), ("PTTL", source))
        if state is not None and left > 0:
            await self._database.call("SET", target, state, "PX", left, "NX")

    async def _refresh(self) -> None:
        age = time.monotonic() - self._read_at
        if age > FRESH / 2:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self.read())
                self._reading.add_done_callback(_retrieve)
            # Usually there is no waiter.
            if age > FRESH:
                await asyncio.shield(self._reading)


class OfPartitions(Generic[T]):
    """Something of each partition, made when it is first used."""

    def __init__(self, make: Callable[[Partition], T]) -> None:
        self._make = make
        self._made: dict[Partition, T] = {}

    def __getitem__(self, p: Partition) -> T:
        try:
            return self._made[p]
        except KeyError:
            made = self._made[p] = self._make(p)
            return made


def being_moved(thread: str) -> StoreUnavailable:
    """Return the error for a thread that was moved again and again while it was looked for."""
    return StoreUnavailable(f"{thread} is being moved to another partition. Try again.")


def _retrieve(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # those who wait for it raise it
