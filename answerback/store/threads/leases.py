"""Leases: reserving ready threads (the first half of a claim), waiting for work, and renewing."""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_hex

import msgspec

from answerback.log import get_logger
from answerback.store import keys
from answerback.store.clock import Watch, monotonic
from answerback.store.keys import Partition
from answerback.store.redis import Database
from answerback.store.scripts import Scripts
from answerback.store.threads.records import Lease
from answerback.store.threads.wakeups import Wakeups

log = get_logger(__name__)

KEPT = 60_000
"""ms for which an estimate of the time of Redis is kept although later ones are earlier."""
SET_BACK = 1000
"""ms: an estimate that is earlier by more means that the clock was set back."""


class Reservation(msgspec.Struct, frozen=True):
    """Threads reserved until `till` (ms, by the lease clock).

    Attributes:
        wait: Milliseconds until the next thread becomes claimable; None if unknown.
        name: Of threads that their claim itself reserves: recognises the claim if it is repeated. "": see `till`.
    """

    till: int
    threads: tuple[str, ...]
    wait: int | None
    name: str = ""

    @classmethod
    def with_claim(cls, thread: str) -> Reservation:
        """Return the reservation of a thread that its claim is to make, if the thread is claimable then."""
        # No number, as the end of a lease is.
        return cls(0, (thread,), None, f"#{token_hex(8)}")


class Reservations:
    """The queues of one Redis, `ready` and `due`. `lease` is in seconds, `version` that of the agents' code."""

    def __init__(self, database: Database, scripts: Scripts, lease: float, version: str = "") -> None:
        self.database = database
        self.scripts = scripts
        self._lease = int(lease * 1000)
        self.version = version
        self._ahead = self._estimated = 0
        self._clocks: dict[Partition, int] = {}
        self._wakeups = Wakeups(database)
        self._watches: dict[object, Watch] = {}

    async def reserve(self, p: Partition, queue: keys.Queue, limit: int) -> Reservation:
        """Reserve up to `limit` claimable threads of a queue for one lease."""
        sent = monotonic()
        till, ids, wait, wall = await self.scripts.reserve(
            [keys.queue(p, queue), keys.wake(p, queue), keys.retrying(p, queue), keys.clock(p)],
            limit=limit,
            lease=self._lease,
        )
        self._estimate(wall)
        self._clocks[p] = till - self._lease - monotonic()
        # A worker reserves before its first heartbeat: a step that comes between the two is noticed, too.
        await self._observe(p, sent, wall)
        return Reservation(till, tuple(id.decode() for id in ids), wait if wait >= 0 else None)

    def _estimate(self, wall: int) -> None:
        """Note the time of Redis. A response that comes late makes it look earlier: an earlier estimate is better then.

        It is kept for a minute, since clocks drift, and unless the clock of Redis was set back.
        """
        now = monotonic()
        if not 0 < self._ahead - (wall - now) < SET_BACK or now - self._estimated > KEPT:
            self._ahead, self._estimated = wall - now, now

    async def give_back(self, p: Partition, queue: keys.Queue, reservation: Reservation) -> None:
        """Give back reserved threads that were not claimed. Those whose reservation has expired are left alone."""
        await self.scripts.give_back(
            [keys.queue(p, queue), keys.wake(p, queue), keys.clock(p)],
            till=reservation.till,
            threads=reservation.threads,
        )

    async def reserve_parked(self, p: Partition, limit: int) -> tuple[Reservation, bool]:
        """Reserve up to `limit` turns that are parked for our version of the agents' code.

        The `wait` is that of the next such turn, None if there is none. Return also whether workers with other versions
        run, which would take them over once no worker with ours is left.
        """
        till, ids, wait, _, others = await self.scripts.reserve_parked(
            [
                keys.queue(p, "ready"), keys.retrying(p, "ready"), keys.clock(p), keys.parked(p),
                keys.versions(p),
            ],
            limit=limit,
            lease=self._lease,
            version=self.version,
        )  # fmt: skip
        return Reservation(till, tuple(id.decode() for id in ids), wait if wait >= 0 else None), bool(others)

    async def forget(self, p: Partition, owner: str) -> None:
        """Remove a worker that has stopped from those that keep our version of the agents' code alive."""
        await self.database.call("ZREM", keys.versions(p), f"{self.version}\n{owner}")

    @property
    def now(self) -> int:
        """The time of Redis in ms, extrapolated from the last `reserve` with our monotonic clock, without a request."""
        return monotonic() + self._ahead

    def clock(self, p: Partition) -> int:
        """Return a partition's lease clock in ms, extrapolated likewise; for delays a clock step must not shorten."""
        return monotonic() + self._clocks.get(p, self._ahead)

    async def wait_for_work(self, p: Partition, queue: keys.Queue, seconds: float) -> str:
        """Wait until a token announces new work in a queue, or until the timeout. Return the thread it names, or ""."""
        if len(self._clocks) > 1 or self.database.kind == "cluster":
            thread = await self._wakeups.wait(keys.wake(p, queue), seconds)
        else:
            _, thread = await self.database.wait("BLPOP", keys.wake(p, queue), seconds=seconds) or (b"", b"")
        return thread.decode()

    async def notify(self, p: Partition, queue: keys.Queue) -> None:
        """Wake one worker that is waiting on a queue."""
        tokens = keys.wake(p, queue)
        await self.database.together(("RPUSH", tokens, ""), ("PUBLISH", tokens, ""))

    async def extend(self, p: Partition, leases: Sequence[tuple[keys.Queue, str, int]], owner: str) -> list[int]:
        """Renew an owner's leases, given as (queue, thread, fence). Return a `Lease` for each.

        A call without leases keeps the partition's lease clock running: each worker calls it every fifth of a lease.
        """
        names = [keys.queue(p, "ready"), keys.queue(p, "due"), keys.clock(p), keys.versions(p)]
        names += [keys.thread(p, id) for _, id, _ in leases]
        values = [value for lease in leases for value in lease]
        sent = monotonic()
        wall, states = await self.scripts.extend(
            names, lease=self._lease, owner=owner, version=self.version, leases=values
        )
        await self._observe(p, sent, wall)
        return [Lease(each) for each in states]

    async def _observe(self, p: Partition, sent: int, wall: int) -> None:
        """Log and count a step of the server's clock since the last call, unless another worker has done so."""
        # The partitions of a Cluster are on servers with clocks of their own.
        watch = self._watches.setdefault(p if self.database.kind == "cluster" else None, Watch())
        step = watch.observe(sent, monotonic(), wall)
        if step and await self.scripts.count_step([keys.clock(0)], step=step):
            way = "forward" if step > 0 else "back"
            log.warning("Redis clock stepped", way=way, seconds=abs(step) / 1000)
