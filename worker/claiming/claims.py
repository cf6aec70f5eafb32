"""Claiming: claims ready threads as slots become free, and blocks on Redis while none is ready."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store.keys import Partition, Queue
from answerback.store.partitions import FRESH
from answerback.store.threads.leases import Reservation
from answerback.store.threads.moves import Moves
from answerback.store.threads.threads import Threads

from ..retry import retry_while_unavailable
from .leases import Leases
from .slots import Slots

log = get_logger(__name__)

_FAILED = "task failed; the thread will be reclaimed when its lease expires"

AT_ONCE = 128
"""Threads claimed in one call at most."""


class Leased(Protocol):
    """A thread whose turn or outbox this worker holds."""

    @property
    def thread(self) -> str: ...
    @property
    def fence(self) -> int: ...


C = TypeVar("C", bound=Leased)


class Executor(Protocol[C]):
    """What is done with the threads of a queue."""

    @property
    def paused(self) -> bool:
        """Whether nothing may be claimed now."""

    async def claim(self, p: Partition, reservation: Reservation, /) -> Sequence[C]:
        """Claim the reserved threads of a partition."""

    async def run(self, claim: C, /) -> None:
        """Do the work of a claim."""


class Claimer(Generic[C]):
    """Keeps up to `slots` tasks busy with the threads of one queue, in all partitions."""

    def __init__(
        self,
        queue: Queue,
        threads: Threads,
        leases: Leases,
        executor: Executor[C],
        *,
        slots: Slots | int,
        lease: float,
    ) -> None:
        self._queue: Queue = queue
        self._threads = threads
        self._leases = leases
        self._executor = executor
        self._slots = slots if isinstance(slots, Slots) else Slots(slots)
        self._lease = lease
        self._tasks: set[asyncio.Task[None]] = set()
        self._moves = Moves(threads)
        self._background: list[asyncio.Task[None]] = []
        self._loops: dict[Partition, asyncio.Task[None]] = {}
        self._reserving: dict[Partition, asyncio.Task[Reservation]] = {}
        self._claiming: dict[Partition, asyncio.Task[None]] = {}
        self._named: dict[Partition, str] = {}
        """A thread that is said to be claimable: it is claimed without being reserved first."""
        self._reserved = 0
        """Threads that are reserved, and whose tasks have not started yet."""

    def __len__(self) -> int:
        return self._slots.taken

    @property
    def has_room(self) -> bool:
        """Whether a claim may be adopted now."""
        return self._free > 0 and not self._executor.paused and bool(self._loops)

    def adopt(self, p: Partition, claim: C) -> None:
        """Start the task of a claim that was made elsewhere for this worker, in partition `p`."""
        self._begin(p, claim)

    @property
    def _free(self) -> int:
        """How many more threads may be reserved now."""
        return max(0, self._slots.count - self._slots.taken - self._reserved)

    def start(self) -> None:
        """Start claiming."""
        self._background = [asyncio.create_task(self._supervise())]

    async def stop(self, grace: float) -> None:
        """Stop claiming, let running tasks finish for `grace` seconds, then cancel them and wait for their end."""
        await self._stop_claiming()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        self.cancel_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cancel_all(self) -> None:
        """Cancel all running tasks now."""
        for task in self._tasks:
            task.cancel()

    def look_again(self) -> None:
        """Ask the executor again whether anything may be claimed."""
        self._slots.changed.set()

    async def _stop_claiming(self) -> None:
        loops = [*self._background, *self._loops.values()]
        self._background, self._loops = [], {}
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, *self._reserving.values(), return_exceptions=True)
        await asyncio.gather(*self._claiming.values(), return_exceptions=True)
        if loops:
            await self._wake_others()

    async def _supervise(self) -> None:
        """Claim in all partitions, also in those that are added, and no longer in those that are given up."""
        while True:
            partitions = await retry_while_unavailable(self._threads.partitions.all)
            for p in partitions:
                if p not in self._loops:
                    self._loops[p] = asyncio.create_task(self._loop(p))
            for p in set(self._loops).difference(partitions):
                self._loops.pop(p).cancel()
            await asyncio.sleep(FRESH)

    async def _loop(self, p: Partition) -> None:
        while True:
            try:
                await retry_while_unavailable(self._fill, p)
            except Exception:
                # Whatever the error is, a worker that silently stops claiming would be worse.
                log.exception("claiming failed")
                await asyncio.sleep(1)

    async def _fill(self, p: Partition) -> None:
        free = self._free
        if not free or self._executor.paused:
            self._slots.changed.clear()
            await self._slots.changed.wait()
            return
        # `stop` waits for this task and for the claim: threads reserved but not started would be stuck for a lease.
        self._reserving[p] = asyncio.create_task(self._reserve(p, min(free, AT_ONCE)))
        reservation = await asyncio.shield(self._reserving[p])
        if not reservation.threads:
            wait = self._longest_wait(reservation)
            self._named[p] = await self._threads.wait_for_work(p, self._queue, wait)

    async def _reserve(self, p: Partition, limit: int) -> Reservation:
        """Reserve ready threads, and begin to claim them."""
        former = self._threads.partitions.former
        if (thread := self._named.pop(p, "")) and not former:
            reservation = Reservation.with_claim(thread)
        else:
            reservation = await self._threads.reserve(p, self._queue, limit)
        if former:
            reservation = await retry_while_unavailable(self._moves.move_reserved, p, self._queue, reservation)
        if reservation.threads:
            self._reserved += len(reservation.threads)
            # Meanwhile the next ones are reserved. Claims are made one after the other: what one finds may pause us.
            if p in self._claiming:
                await asyncio.wait([self._claiming[p]])
            self._claiming[p] = asyncio.create_task(self._claim_reserved(p, reservation))
        return reservation

    async def _claim_reserved(self, p: Partition, reservation: Reservation) -> None:
        """Claim reserved threads, or give them back if nothing may be claimed any more."""
        try:
            if not self._executor.paused:
                await self._claim(p, reservation)
            elif not reservation.name:
                await retry_while_unavailable(self._threads.give_back, p, self._queue, reservation)
        except Exception:
            log.exception("claiming failed")
            await asyncio.sleep(1)
        finally:
            self._reserved -= len(reservation.threads)
            self._slots.changed.set()

    async def _claim(self, p: Partition, reservation: Reservation) -> None:
        """Claim reserved threads and start their tasks."""
        # Repeated until it succeeds: until then, no other worker gets these threads for a lease; when it expires, they
        # count as crashed.
        for claim in await retry_while_unavailable(self._executor.claim, p, reservation):
            self._begin(p, claim)

    def _begin(self, p: Partition, claim: C) -> None:
        earlier = self._leases.task_of(self._queue, claim.thread, claim.fence)
        task = asyncio.create_task(self._work(claim, earlier))
        self._tasks.add(task)
        self._slots.held += 1
        task.add_done_callback(self._ended)
        self._leases.hold(p, self._queue, claim.thread, claim.fence, task)

    def _longest_wait(self, reservation: Reservation) -> float:
        # A token wakes us for new work. The timeout covers leases and retries that become due, and a token that was
        # lost with the worker that took it: never longer than a lease.
        return self._lease if reservation.wait is None else min(self._lease, max(reservation.wait, 1) / 1000)

    async def _work(self, claim: C, earlier: asyncio.Task[None] | None) -> None:
        try:
            if earlier is not None:
                # Redis lost our claim and issued the same one again: the two cannot be distinguished.
                log.warning("Redis lost a claim; restarting the task", thread=claim.thread, fence=claim.fence)
                earlier.cancel()
                await asyncio.wait([earlier])
            await self._executor.run(claim)
        except (StoreUnavailable, StoreFull) as error:
            log.warning(_FAILED, thread=claim.thread, error=str(error))
        except Exception:
            # This task is not awaited: log it here. The lease expires, and another worker repeats the work.
            log.exception(_FAILED, thread=claim.thread)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.free_one()

    async def _wake_others(self) -> None:
        """Wake another worker: we may have taken a token without claiming anything."""
        try:
            for p in await self._threads.partitions.all():
                await self._threads.notify(p, self._queue)
        except (StoreUnavailable, StoreFull):
            pass
