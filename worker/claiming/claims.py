"""Claiming: claims ready threads as slots become free, and blocks on Redis while none is ready."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store.keys import Queue
from answerback.store.threads.leases import Reservation
from answerback.store.threads.threads import Threads

from ..retry import retry_while_unavailable
from .leases import Leases

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


H = TypeVar("H", bound=Leased)


class Claimer(Generic[H]):
    """Keeps up to `slots` tasks busy with the threads of one queue, in all partitions."""

    def __init__(
        self,
        queue: Queue,
        threads: Threads,
        leases: Leases,
        claim: Callable[[int, Reservation], Awaitable[Sequence[H]]],
        run: Callable[[H], Awaitable[None]],
        *,
        slots: int,
        lease: float,
        closed: Callable[[], bool] = lambda: False,
    ) -> None:
        self._queue: Queue = queue
        self._threads = threads
        self._leases = leases
        self._claim = claim
        self._run = run
        self._slots = slots
        self._lease = lease
        self._closed = closed
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._taking: dict[int, asyncio.Task[Reservation]] = {}
        self._freed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self) -> None:
        """Start claiming."""
        self._loops = [asyncio.create_task(self._loop(p)) for p in range(self._threads.partitions)]

    async def stop(self, grace: float) -> None:
        """Stop claiming, let running tasks finish for `grace` seconds, then cancel them and wait for their end."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, *self._taking.values(), return_exceptions=True)
        await self._pass_on()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Cancel all running tasks now."""
        for task in self._tasks:
            task.cancel()

    async def _loop(self, p: int) -> None:
        while True:
            try:
                await retry_while_unavailable(self._fill, p)
            except Exception:
                # Whatever the error is, a worker that silently stops claiming would be worse.
                log.exception("claiming failed")
                await asyncio.sleep(1)

    async def _fill(self, p: int) -> None:
        free = self._slots - len(self._tasks)
        if free <= 0 or self._closed():
            self._freed.clear()
            await self._freed.wait()
            return
        # `stop` waits for this task: threads reserved but not started would be stuck for a lease.
        self._taking[p] = asyncio.create_task(self._take(p, min(free, AT_ONCE)))
        taken = await asyncio.shield(self._taking[p])
        if not taken.threads:
            await self._threads.doze(p, self._queue, self._nap(taken))

    async def _take(self, p: int, limit: int) -> Reservation:
        taken = await self._threads.take(p, self._queue, limit)
        if taken.threads:
            # Until it is answered: what was taken is nobody else's for a lease, and counts as crashed then.
            for held in await retry_while_unavailable(self._claim, p, taken):
                before = self._leases.working(self._queue, held.thread, held.fence)
                task = asyncio.create_task(self._work(held, before))
                self._tasks.add(task)
                task.add_done_callback(self._ended)
                self._leases.hold(self._queue, held.thread, held.fence, task)
        return taken

    def _nap(self, taken: Reservation) -> float:
        # A token wakes us for new work. The timeout covers leases and retries that become due, and a token that was
        # lost with the worker that took it: never longer than a lease.
        return self._lease if taken.wait is None else min(self._lease, max(taken.wait, 1) / 1000)

    async def _work(self, held: H, before: asyncio.Task[None] | None) -> None:
        try:
            if before is not None:
                # Redis lost our claim and issued the same one again: the two cannot be distinguished.
                log.warning("Redis lost a claim; restarting the task", thread=held.thread, fence=held.fence)
                before.cancel()
                await asyncio.wait([before])
            await self._run(held)
        except (StoreUnavailable, StoreFull) as error:
            log.warning(_FAILED, thread=held.thread, error=str(error))
        except Exception:
            log.exception(_FAILED, thread=held.thread)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._freed.set()

    async def _pass_on(self) -> None:
        """Wake another worker: we may have taken a token without claiming anything."""
        try:
            for p in range(self._threads.partitions):
                await self._threads.wake(p, self._queue)
        except (StoreUnavailable, StoreFull):
            pass
