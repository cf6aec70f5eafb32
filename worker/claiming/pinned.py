"""Pinned turns: a turn that has taken steps goes on with the version of the code that took them, while that runs."""

from __future__ import annotations

import asyncio

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store.keys import Partition, Queue
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads

from ..retry import retry_while_unavailable
from .claims import AT_ONCE, Claimer, Executor
from .leases import Leases
from .slots import Slots

log = get_logger(__name__)

LONGEST = 60.0
"""Seconds for which a stopping worker waits at most for the next attempt of such a turn."""
EVERY = 0.5
"""Seconds between two looks of a stopping worker for pinned turns whose next attempt is due soon."""


class TurnClaimer(Claimer[Claim]):
    """Claims turns; those that are pinned to our version as soon as they are parked, also while the worker stops.

    `claim` and `release` park such a turn and signal it, so that a worker with its version takes it, and no other
    worker looks at it over and over.
    """

    def __init__(
        self,
        queue: Queue,
        threads: Threads,
        leases: Leases,
        executor: Executor[Claim],
        *,
        slots: Slots | int,
        lease: float,
    ) -> None:
        super().__init__(queue, threads, leases, executor, slots=slots, lease=lease)
        self._signalled = asyncio.Event()
        self._cancelled = False
        self._taking: asyncio.Task[tuple[int | None, bool]] | None = None

    def start(self) -> None:
        """Start claiming."""
        super().start()
        self._background.append(asyncio.create_task(self._keep_taking()))

    async def stop(self, grace: float) -> None:
        """Stop claiming, but for pinned turns that workers with other code would take over: see `Claimer.stop`."""
        started = bool(self._background)
        clock = asyncio.get_running_loop().time
        deadline = clock() + grace
        await self._stop_claiming()
        if self._taking is not None:
            await asyncio.gather(self._taking, return_exceptions=True)
        while started and not self._cancelled and (left := deadline - clock()) > 0:
            self._signalled.clear()
            due = await self._take_parked(min(left, LONGEST))
            if not self._tasks and not due:
                break
            signalled = asyncio.create_task(self._signalled.wait())
            await asyncio.wait([*self._tasks, signalled], timeout=min(left, EVERY), return_when=asyncio.FIRST_COMPLETED)
            signalled.cancel()
        await super().stop(max(0.0, deadline - clock()))

    def cancel_all(self) -> None:
        """Cancel all running tasks now, and claim no more."""
        self._cancelled = True
        super().cancel_all()

    def look_for(self, reason: str) -> None:
        """Take parked turns now, if they are parked for our version."""
        if reason == f"version:{self._threads.version}":
            self._signalled.set()

    async def _take_parked(self, left: float) -> bool:
        """Take the parked turns of our version. Return whether more of them are due within `left` seconds."""
        more = False
        try:
            for p in await self._threads.partitions.all():
                free = 0 if self._executor.paused else self._free
                wait, others = await self._reserve_parked(p, min(free, AT_ONCE))
                more = more or (others and wait is not None and wait / 1000 < left)
        except (StoreUnavailable, StoreFull) as error:
            log.debug("looking for pinned turns failed", error=str(error))
        return more

    async def _reserve_parked(self, p: Partition, limit: int) -> tuple[int | None, bool]:
        reservation, others = await self._threads.reserve_parked(p, limit)
        if reservation.threads:
            await self._claim(p, reservation)
        return reservation.wait, others

    async def _keep_taking(self) -> None:
        while True:
            await self._signalled.wait()
            self._signalled.clear()
            try:
                for p in await self._threads.partitions.all():
                    await retry_while_unavailable(self._take_all, p)
            except Exception:
                # As in `_loop`: others take them later, but this must go on.
                log.exception("claiming pinned turns failed")

    async def _take_all(self, p: Partition) -> None:
        while True:
            free = self._free
            if not free or self._executor.paused:
                self._slots.changed.clear()
                await self._slots.changed.wait()
                continue
            # `stop` waits for this task, as for those that reserve others.
            self._taking = asyncio.create_task(self._reserve_parked(p, min(free, AT_ONCE)))
            wait, _ = await asyncio.shield(self._taking)
            if wait != 0:
                return
