"""The leases of a worker: one heartbeat renews all of them, and the task of a lost lease is cancelled at once."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store.keys import Partition, Queue
from answerback.store.threads.records import Lease
from answerback.store.threads.threads import Threads

from ..metrics import LEASES_LOST
from ..retry import retry_while_unavailable
from ..turns.running import Running

log = get_logger(__name__)

RESPONSE_DELAY = 0.05
"""Seconds to wait for a pending response to a commit that Redis executed before the heartbeat."""

IDLE_CALLS = 4
"""Partitions without leases that are called at a time."""


class Leases:
    """The leases that a worker holds on turns (`ready`) and outboxes (`due`), with their tasks.

    Args:
        running: is informed of turns that were cancelled, in case their signal was missed.
        lease: how long a lease holds without renewal, in seconds.
        owner: the worker's id.
    """

    def __init__(self, threads: Threads, running: Running, *, lease: float, owner: str) -> None:
        self._threads = threads
        self._running = running
        self._owner = owner
        self._lease = lease
        self._interval = lease / 5
        self._renewed_at = time.monotonic()
        self._renewing = asyncio.Lock()
        self._idle = asyncio.Semaphore(IDLE_CALLS)
        self._held: dict[tuple[Queue, str], tuple[int, asyncio.Task[None], Partition]] = {}

    def task_of(self, queue: Queue, thread: str, fence: int) -> asyncio.Task[None] | None:
        """Return the task that works on a thread with this fence, if there is one."""
        held_fence, task, _ = self._held.get((queue, thread), (None, None, None))
        return task if held_fence == fence else None

    def hold(self, p: Partition, queue: Queue, thread: str, fence: int, task: asyncio.Task[None]) -> None:
        """Renew this lease, of a thread in partition `p`, as long as `task` runs."""
        lease = (queue, thread)
        self._held[lease] = (fence, task, p)

        def release(_: asyncio.Task[None]) -> None:
            if self._held.get(lease, (None, None, None))[1] is task:
                del self._held[lease]

        task.add_done_callback(release)

    async def keep(self) -> None:
        """Renew all leases forever. While Redis is unavailable no lease is known to be lost, so none is cancelled."""
        while True:
            try:
                # At once: a turn that this worker begins is pinned to its version, which has to be known by then.
                await self._renew_all()
            except (StoreUnavailable, StoreFull) as error:
                log.debug("heartbeat failed", error=str(error), leases=len(self._held))
            await asyncio.sleep(self._interval)

    async def ensure_held(self) -> None:
        """Ensure that our leases are held: after a pause, renew them first; tasks of lost leases are cancelled."""
        if self._stale:
            async with self._renewing:
                if self._stale:
                    await retry_while_unavailable(self._renew_all)
            await asyncio.sleep(0)  # where a cancellation arrives

    @property
    def _stale(self) -> bool:
        return time.monotonic() - self._renewed_at > self._lease

    async def _renew_all(self) -> None:
        began = time.monotonic()
        by_partition: defaultdict[Partition, list[tuple[Queue, str, int]]] = defaultdict(list)
        for (queue, thread), (fence, _, p) in self._held.items():
            by_partition[p].append((queue, thread, fence))
        # Also without leases: the lease clocks depend on the workers' heartbeats.
        partitions = {*await self._threads.partitions.all(), *by_partition}
        await asyncio.gather(*[self._renew(p, by_partition[p]) for p in partitions])
        self._renewed_at = began

    async def _renew(self, p: Partition, leases: Sequence[tuple[Queue, str, int]]) -> None:
        # With many partitions, most calls only keep a lease clock running: they may share a few connections.
        async with nullcontext() if leases else self._idle:
            states = await self._threads.extend(p, leases, self._owner)
        for (_, thread, _), state in zip(leases, states, strict=True):
            if state == Lease.CANCELLED:
                self._running.cancel(thread)
        if lost := [lease for lease, state in zip(leases, states, strict=True) if state == Lease.LOST]:
            # We may have released it, and another worker has it now: the response is still on its way to its task.
            await asyncio.sleep(RESPONSE_DELAY)
            for lease in lost:
                self._cancel(*lease)

    def _cancel(self, queue: Queue, thread: str, fence: int) -> None:
        # It may have been released, or claimed again, while the heartbeat was in flight.
        if (task := self.task_of(queue, thread, fence)) is not None:
            log.warning("lease lost", queue=queue, thread=thread, fence=fence)
            LEASES_LOST.labels(queue).inc()
            task.cancel()
