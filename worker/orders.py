"""Carries out what operators order: nothing new starts in what is paused, and this worker ends when it is drained."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.store.fleet.orders import EVERYTHING, Orders
from answerback.store.keys import Queue
from answerback.store.threads.threads import Threads

log = get_logger(__name__)

EVERY = 1.0
"""Seconds between two looks, for an order whose signal was missed."""
REPAIR = 30
"""Looks between two searches for threads that wait although nothing that they wait for is paused."""
LONGEST = 300.0
"""Seconds for which a thread waits for a resume before a worker looks at it again.

Only for a thread whose record that it waits was lost: it was moved when the number of partitions was changed.
"""
_QUEUES: tuple[Queue, Queue] = ("ready", "due")


class Pauses:
    """What is paused, as this worker knows it: a look into a set for each turn, and no request."""

    def __init__(self) -> None:
        self._scopes: frozenset[str] = frozenset()

    @property
    def everything(self) -> bool:
        """Whether nothing may be started."""
        return EVERYTHING in self._scopes

    def agent(self, name: str) -> str:
        """Return the scope for which an agent's turns have to wait; "" if they may start."""
        return self._found(f"agent:{name}")

    def replies(self, platform: str) -> str:
        """Return the scope for which a platform's replies have to wait; "" if they may be sent."""
        return self._found(f"replies:{platform}")

    def set(self, scopes: frozenset[str]) -> None:
        """Set what is paused."""
        self._scopes = scopes

    @property
    def scopes(self) -> frozenset[str]:
        """All that is paused."""
        return self._scopes

    def _found(self, scope: str) -> str:
        return scope if self._scopes and scope in self._scopes else ""


class OrderKeeper:
    """Looks for orders at each signal, and every second.

    Args:
        worker: the id of this worker.
        resumed: called when something is no longer paused.
    """

    def __init__(self, worker: str, threads: Threads, pauses: Pauses, resumed: Callable[[], None]) -> None:
        self._worker = worker
        self._threads = threads
        self._orders = Orders(threads.database)
        self._pauses = pauses
        self._resumed = resumed
        self.draining = asyncio.Event()
        """Set once this worker is to be drained."""
        self._signalled = asyncio.Event()
        self.looked = asyncio.Event()
        """Set once the first look was made, or has failed."""

    def look(self) -> None:
        """Look now."""
        self._signalled.set()

    async def keep(self) -> None:
        """Look for orders, forever."""
        looks = 0
        while True:
            self._signalled.clear()
            try:
                await self.look_now(repair=looks % REPAIR == 0)
                looks += 1
            except (StoreUnavailable, StoreFull):
                pass  # already logged by the guard
            finally:
                self.looked.set()
            try:
                async with asyncio.timeout(EVERY):
                    await self._signalled.wait()
            except TimeoutError:
                pass

    async def look_now(self, *, repair: bool = False) -> None:
        """Look for orders once. Raises `StoreUnavailable` or `StoreFull`.

        Args:
            repair: search for threads that wait although nothing that they wait for is paused.
        """
        scopes, drains = await self._orders.current()
        before, now = self._pauses.scopes, frozenset(scopes)
        self._pauses.set(now)
        for scope in now - before:
            log.warning("paused", scope=scope)
        if lifted := before - now:
            log.warning("resumed", scopes=sorted(lifted))
        if lifted or repair:
            # Each worker does this for itself: what it put aside before it knew of the resume comes back, too.
            for p in await self._threads.partitions.all():
                for queue in _QUEUES:
                    await self._threads.resume(p, queue, now)
            self._resumed()
        if self._worker in drains:
            self.draining.set()

    async def leave(self) -> None:
        """Forget the order to drain this worker, which ends."""
        try:
            await self._orders.drained(self._worker)
        except (StoreUnavailable, StoreFull):
            pass
