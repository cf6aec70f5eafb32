"""Moving all threads to another number of partitions, while events arrive and turns run.

1. `begin` records the new layout. Every process reads it within a second.
2. `close` closes the former partitions: an event of a thread that is not there is stored in the new layout.
3. Each thread is moved once it is not held: a worker that reserves one moves it instead of claiming it, and
   `move_idle` moves the others. A turn that is running ends first.
4. `finish` copies what is recorded about deliveries, and ends the former layout.

Each step may be repeated, by several processes at once, and continued by another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from answerback.events import Entry
from answerback.store import clock, keys
from answerback.store.copies import CopiedDeadLetter, Outcome, arrive, read, send
from answerback.store.keys import Partition
from answerback.store.partitions import FRESH, Layout
from answerback.store.threads.dead_letter_index import DeadLetterIndex
from answerback.store.threads.dead_letters import payload_of
from answerback.store.threads.leases import Reservation
from answerback.store.threads.leftovers import Leftovers
from answerback.store.threads.recency import ids_in
from answerback.store.threads.threads import Threads

ANNOUNCED = int(FRESH * 3000)
"""ms between `begin` and `close`: every process that is not stalled has read the layout by then."""
AT_ONCE = 16
"""Threads that are moved concurrently."""
LEADING = 3000
"""ms after which another worker moves idle threads."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The layout of the store, and how far its threads have been moved.

    Attributes:
        former: The number of partitions before; None: no threads are being moved.
        moved: Threads that are in the current layout.
        left: Threads that are still in the former one.
        begun: When the move began, ms.
    """

    partitions: int
    former: int | None
    moved: int
    left: int
    begun: int = 0


class Moves:
    """The moves of one store. Every method raises `StoreUnavailable` and `StoreFull`."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._database = threads.database
        self._partitions = threads.partitions
        self._letters = DeadLetterIndex(threads)
        self._closed = 0

    async def begin(self, count: int) -> str:
        """Begin to move all threads to `count` partitions.

        Return "begun"; "same" if that is their number, or threads are being moved to it; "moving" if they are being
        moved to another number.
        """
        await self._partitions.read()
        former = self._partitions.current
        await self._begin_clocks(former, Layout(former.generation + 1, count))
        outcome = await self._threads.scripts.change_layout([keys.layout()], count=count, before=former.count)
        await self._partitions.read()
        return str(outcome.decode())

    async def _begin_clocks(self, former: Layout, new: Layout) -> None:
        """Begin the lease clocks of the new partitions: none is ahead of one in the former layout.

        The times that are stored with replies would otherwise seem to be longer ago than they are.
        """
        clocks = [
            (*clock.read(time, kept), kept[2])
            for p in former.partitions
            for time, kept in [await self._database.together(*clock.look(p))]
        ]
        now, wall, lease = min(clocks, key=lambda each: each[0] - each[1])
        for p in new.partitions if lease is not None else ():
            if not await self._database.call("HEXISTS", keys.clock(p), "now"):
                await self._database.call("HSET", keys.clock(p), "wall", wall, "now", now, "lease", lease)

    async def progress(self) -> Progress:
        """Return the layout and how many threads are where."""
        await self._partitions.read()
        former, current = self._partitions.former, self._partitions.current
        return Progress(
            partitions=current.count,
            former=former.count if former else None,
            moved=await self._count(current),
            left=await self._count(former) if former else 0,
            begun=int(await self._database.call("HGET", keys.layout(), "begun") or 0),
        )

    async def _count(self, layout: Layout) -> int:
        return sum([int(await self._database.call("ZCARD", keys.threads(p))) for p in layout.partitions])

    async def lead(self, owner: str) -> bool:
        """Return whether this is the process that moves idle threads, for the next `LEADING` ms."""
        holder = await self._database.call("GET", keys.mover())
        if holder == owner.encode():
            await self._database.call("PEXPIRE", keys.mover(), LEADING)
            return True
        # Two at once, for a moment, do no harm.
        return bool(await self._database.call("SET", keys.mover(), owner, "PX", LEADING, "NX"))

    async def close(self) -> bool:
        """Close the former partitions, if every process knows the new layout by now. Return whether they are closed."""
        former, current = self._partitions.former, self._partitions.current
        if former is None:
            return False
        if self._closed == current.generation:
            return True
        begun = int(await self._database.call("HGET", keys.layout(), "begun") or 0)
        if await self._database.now() < begun + ANNOUNCED:
            return False
        ours: set[bytes] = set()
        fence = 0
        for p in former.partitions:
            ours |= set(await self._database.call("SMEMBERS", keys.own_identities(p)))
            fence = max(fence, int(await self._database.call("HGET", keys.counters(p), "fence") or 0))
        for p in current.partitions:
            if ours:
                await self._database.call("SADD", keys.own_identities(p), *ours)
            if fence:
                await self._database.call("HSETNX", keys.counters(p), "fence", fence)
        await self._copy_versions(former, current)
        for p in former.partitions:
            # A partition that is open again after a failover would take events of threads that are elsewhere by then.
            await self._database.confirmed(("HSET", keys.clock(p), "closed", current.generation))
        self._closed = current.generation
        return True

    async def _copy_versions(self, former: Layout, current: Layout) -> None:
        """Let the new partitions know which versions run, before a turn arrives that is pinned to one of them.

        The workers' next heartbeats may come later than the first turns.
        """
        left: dict[bytes, int] = {}
        for p in former.partitions:
            time, kept, members = await self._database.together(
                *clock.look(p), ("ZRANGE", keys.versions(p), 0, -1, "WITHSCORES")
            )
            now, _ = clock.read(time, kept)
            for member, end in zip(members[::2], members[1::2], strict=True):
                left[member] = max(left.get(member, 0), int(end) - now)
        for p in current.partitions if left else ():
            now, _ = clock.read(*await self._database.together(*clock.look(p)))
            ends = [word for member, ms in left.items() if ms > 0 for word in (now + ms, member)]
            if ends:
                await self._database.call("ZADD", keys.versions(p), "GT", *ends)

    async def move_reserved(self, p: Partition, queue: keys.Queue, reservation: Reservation) -> Reservation:
        """Move threads that were reserved in `p`. Return the reservation of those that are to be claimed as usual.

        These are all before the partition is closed; later, threads whose replies are due while their turn is running.
        """
        former = self._partitions.former
        if former is None or p not in former.partitions:
            return reservation
        claimable = []
        for thread in reservation.threads:
            outcome = await self.move(p, thread, (queue, reservation.till))
            if outcome == "open" or (outcome == "held" and queue == "due"):
                claimable.append(thread)
        return Reservation(reservation.till, tuple(claimable), reservation.wait)

    async def move(self, p: Partition, thread: str, reserved: tuple[keys.Queue, int] | None = None) -> Outcome:
        """Move a thread of `p` to the current layout, unless it is held."""
        while True:
            version, ids = await self._letters.of(p, thread)
            letters = [letter async for letter in self._read_letters(p, ids)]
            copy = await read(self._database, p, thread, version, letters)
            if reserved:
                # It may be claimed where it arrives, before our reservation ends.
                queue = reserved[0]
                copy = msgspec.structs.replace(copy, lists=msgspec.structs.replace(copy.lists, **{queue: 0}))
            outcome = await send(
                self._database,
                self._threads.scripts,
                thread,
                p,
                self._partitions.current.of(thread),
                copy,
                seen=self._threads.seen,
                reserved=reserved,
            )
            if outcome != "changed":
                return outcome

    async def _read_letters(self, p: Partition, ids: list[str]) -> AsyncIterator[CopiedDeadLetter]:
        for id in ids:
            at, letter, payload = await self._database.together(
                ("ZSCORE", keys.dead_letter_times(p), id),
                ("HGET", keys.dead_letters(p), id),
                ("HGET", keys.dead_letter_payloads(p), id),
            )
            if at is None or letter is None or payload is None:
                continue
            entry = payload_of(letter, payload, id)
            delivery = entry.event.delivery if isinstance(entry, Entry) else ""
            state = await self._database.call("GET", keys.seen(p, delivery)) if delivery else None
            yield CopiedDeadLetter(id, int(at), letter, payload, delivery if state else "", state or b"")

    async def move_idle(self) -> int:
        """Move all threads that are not held. Return how many are left in the former layout."""
        former = self._partitions.former
        if former is None or not await self.close():
            return -1
        for p in former.partitions:
            batch: list[str] = []
            async for id in ids_in(self._database, p):
                batch.append(id)
                if len(batch) == AT_ONCE:
                    await asyncio.gather(*[self.move(p, each) for each in batch])
                    batch.clear()
            await asyncio.gather(*[self.move(p, each) for each in batch])
        return await self._count(former)

    async def finish(self) -> bool:
        """End the former layout, if nothing is left in it. Return whether it has ended."""
        former, current = self._partitions.former, self._partitions.current
        if former is None or not await self.close():
            return False
        # What is in no list: amendments of messages that have not arrived, and what older versions left behind.
        tags = {f"{p}": p for p in former.partitions}
        arrivals = {f"{p}" for p in current.partitions}
        rest: set[tuple[Partition, str]] = set()
        abandoned: list[str] = []
        async for name in self._database.scan("ab:{*}:*"):
            tag, _, kind = name[len("ab:{") :].partition("}:")
            kind, _, id = kind.partition(":")
            if tag in tags and kind in _OF_THREADS and id:
                rest.add((tags[tag], id))
            if kind == "incoming" and tag in arrivals:
                abandoned.append(name)
        for p, id in rest:
            if await self.move(p, id) not in ("left", "gone"):
                return False
        # Behind that, nothing can leave any more: what was left half-way, also by another process, arrives now, and no
        # copy is needed.
        for p in former.partitions:
            for thread, move in (await self._database.call("HGETALL", keys.moved(p))).items():
                if move:
                    id = thread.decode()
                    await arrive(self._database, self._threads.scripts, id, p, current.of(id), move.decode())
        # Nothing can be added to a closed partition that is empty.
        for p in former.partitions:
            if await self._busy(p):
                return False
        leftovers = Leftovers(self._database, self._threads.scripts)
        await leftovers.copy_deliveries(former, current)
        for p in former.partitions:
            await leftovers.give_up(p, current)
        for name in abandoned:
            await self._database.call("DEL", name)
        return bool(await self._threads.scripts.end_move([keys.layout()], generation=current.generation))

    async def _busy(self, p: Partition) -> bool:
        counts = await self._database.together(
            *(("ZCARD", name) for name in (keys.threads(p), keys.queue(p, "ready"), keys.queue(p, "due"))),
            ("ZCARD", keys.dead_letter_times(p)),
        )
        return any(counts)


_OF_THREADS = {
    name.partition("}:")[2].partition(":")[0] for name in keys.all_of_thread(0, "")
}  # fmt: skip
"""The kinds of keys that belong to one thread."""
