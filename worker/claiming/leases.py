"""The leases of a worker: one heartbeat renews all of them, and the task of a lost lease is cancelled at once."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store.keys import Queue
from answerback.store.threads.records import Lease
from answerback.store.threads.threads import Threads

from ..retry import retry_while_unavailable

log = get_logger(__name__)

WORD = 0.05
"""Seconds to wait for a pending response to a commit that Redis executed before the heartbeat."""


class Leases:
    """The leases this worker holds on turns (`ready`) and outboxes (`due`), with their tasks."""

    def __init__(self, threads: Threads, lease: float, owner: str) -> None:
        self._threads = threads
        self._owner = owner
        self._lease = lease
        self._every = lease / 5
        self._known = time.monotonic()
        self._asking = asyncio.Lock()
        self.cancelled: Callable[[str], None] = lambda thread: None
        """Called with the id of a held thread whose turn was cancelled: the signal may have been missed."""
        self._held: dict[tuple[Queue, str], tuple[int, asyncio.Task[None]]] = {}

    def working(self, queue: Queue, thread: str, fence: int) -> asyncio.Task[None] | None:
        """Return the task that works on a thread with this fence, if there is one."""
        held, task = self._held.get((queue, thread), (None, None))
        return task if held == fence else None

    def hold(self, queue: Queue, thread: str, fence: int, task: asyncio.Task[None]) -> None:
        """Renew this lease as long as `task` runs."""
        lease = (queue, thread)
        self._held[lease] = (fence, task)

        def let_go(_: asyncio.Task[None]) -> None:
            if self._held.get(lease, (None, None))[1] is task:
                del self._held[lease]

        task.add_done_callback(let_go)

    async def keep(self) -> None:
        """Renew all leases forever. While Redis is unavailable no lease is known to be lost, so none is cancelled."""
        while True:
            await asyncio.sleep(self._every)
            try:
                await self._beat()
            except (StoreUnavailable, StoreFull) as error:
                log.debug("heartbeat failed", error=str(error), leases=len(self._held))

    async def sure(self) -> None:
        """Ensure that our leases are held: after a pause, renew them first; tasks of lost leases are cancelled."""
        if self._stale:
            async with self._asking:
                if self._stale:
                    await retry_while_unavailable(self._beat)
            await asyncio.sleep(0)  # where a cancellation arrives

    @property
    def _stale(self) -> bool:
        return time.monotonic() - self._known > self._lease

    async def _beat(self) -> None:
        began = time.monotonic()
        by_partition: defaultdict[int, list[tuple[Queue, str, int]]] = defaultdict(list)
        for (queue, thread), (fence, _) in self._held.items():
            by_partition[self._threads.partition(thread)].append((queue, thread, fence))
        # Also without leases: the lease clocks depend on the workers' heartbeats.
        await asyncio.gather(*[self._renew(p, by_partition[p]) for p in range(self._threads.partitions)])
        self._known = began

    async def _renew(self, p: int, leases: Sequence[tuple[Queue, str, int]]) -> None:
        held = await self._threads.extend(p, leases, self._owner)
        for (_, thread, _), kept in zip(leases, held, strict=True):
            if kept == Lease.CANCELLED:
                self.cancelled(thread)
        if missing := [lease for lease, kept in zip(leases, held, strict=True) if not kept]:
            # We may have released it, and another worker has it now: the response is still on its way to its task.
            await asyncio.sleep(WORD)
            for lease in missing:
                self._drop(*lease)

    def _drop(self, queue: Queue, thread: str, fence: int) -> None:
        held = self._held.get((queue, thread))
        # It may have been released, or claimed again, while the heartbeat was in flight.
        if held is not None and held[0] == fence:
            log.warning("lease lost", queue=queue, thread=thread, fence=fence)
            held[1].cancel()
