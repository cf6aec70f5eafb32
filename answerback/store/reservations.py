"""Leases: taking what is ready, which is the first half of a claim, sleeping while nothing is, and renewing."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from answerback.store import keys
from answerback.store.claim import Lease
from answerback.store.connection import Database, Value
from answerback.store.scripts import Scripts


class Taken(msgspec.Struct, frozen=True):
    """Threads reserved until `till` (ms), and in how many ms the next one becomes claimable (None: not known)."""

    till: int
    threads: tuple[str, ...]
    wait: int | None


class Reservations:
    """The queues of one Redis, `ready` and `due`. `lease` is in seconds."""

    def __init__(self, database: Database, scripts: Scripts, lease: float) -> None:
        self.database = database
        self.scripts = scripts
        self._lease = int(lease * 1000)
        self._ahead = 0

    async def take(self, p: int, queue: keys.Queue, limit: int) -> Taken:
        """Reserve up to `limit` claimable threads of a queue for one lease; none by a call that was long on its way."""
        till, ids, wait = await self.scripts.take(
            [keys.queue(p, queue), keys.wake(p, queue), keys.retrying(p, queue)],
            [limit, self._lease, self.now if self._ahead else 0],
        )
        self._ahead = till - self._lease - _monotonic()
        return Taken(till, tuple(id.decode() for id in ids), wait if wait >= 0 else None)

    @property
    def now(self) -> int:
        """The time of Redis, ms, as the last `take` told it: no clock of ours is trusted, none is asked."""
        return _monotonic() + self._ahead

    async def doze(self, p: int, queue: keys.Queue, seconds: float) -> None:
        """Wait until a token says that a queue has something new, or until the time is over."""
        await self.database.wait("BLPOP", keys.wake(p, queue), seconds=seconds)

    async def wake(self, p: int, queue: keys.Queue) -> None:
        """Wake one worker that dozes on a queue."""
        await self.database.call("RPUSH", keys.wake(p, queue), "")

    async def extend(self, p: int, leases: Sequence[tuple[keys.Queue, str, int]]) -> list[int]:
        """Renew leases given as (queue, thread, fence); each is `Lease.HELD`, `LOST` or `CANCELLED` now."""
        names = [keys.queue(p, "ready"), keys.queue(p, "due"), *(keys.thread(p, id) for _, id, _ in leases)]
        args: list[Value] = [self._lease]
        for lease in leases:
            args += lease
        return [Lease(held) for held in await self.scripts.extend(names, args)]


def _monotonic() -> int:
    return int(time.monotonic() * 1000)
