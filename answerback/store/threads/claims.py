"""Claims: a worker claims the threads it has reserved, and takes more events for a turn that is about to begin."""

from __future__ import annotations

from answerback.errors import LeaseLost
from answerback.store import decode, keys
from answerback.store.keys import Partition
from answerback.store.redis import Database
from answerback.store.threads.inbox import Inbox
from answerback.store.threads.leases import Reservation
from answerback.store.threads.records import SUSPECT, Claim


class ThreadClaims(Inbox):
    """The claims of all threads.

    Args:
        window: Number of events that a claim or commit returns.
        history: Number of messages that a claim returns.
    """

    def __init__(
        self,
        database: Database,
        *,
        partitions: int | None,
        lease: float,
        seen_days: float,
        window: int,
        history: int,
        pause: float,
        version: str,
    ) -> None:
        super().__init__(
            database, partitions=partitions, lease=lease, seen_days=seen_days, pause=pause, version=version
        )
        self.window = window
        self._history = history

    async def claim(
        self, p: Partition, reservation: Reservation, owner: str, *, suspects: int | None = None, fatal: int = 0
    ) -> list[Claim]:
        """Claim the reserved threads. Those whose reservation has expired, or cannot be made, are left out.

        At most `suspects` of them are suspects (see `Claim.suspect`); the others have to wait. A thread whose event
        becomes a dead letter after one more crash (`fatal` in total) is claimed alone, and the others are released. A
        turn that another version of the agents' code has begun is left to it while a worker with that version runs.
        """
        names = [keys.queue(p, "ready"), keys.retrying(p, "ready"), keys.counters(p), keys.wake(p, "ready")]
        names += [keys.clock(p), keys.versions(p), keys.parked(p)]
        for id in reservation.threads:
            names += (keys.thread(p, id), keys.inbox(p, id), keys.history(p, id), keys.journal(p, id))
            names.append(keys.stream_events(p, id))
        room = len(reservation.threads) if suspects is None else suspects
        results = await self.scripts.claim(
            names,
            till=reservation.name or reservation.till,
            owner=owner,
            window=self.window,
            most_messages=self._history,
            suspect_crashes=SUSPECT,
            room=room,
            wait=self._lease // 5,
            fatal=fatal,
            version=self.version,
            signals=keys.signals(),
            lease=self._lease if reservation.name else 0,
            threads=reservation.threads,
        )
        return [
            Claim.read(thread, owner, claimed)
            for thread, claimed in zip(reservation.threads, results, strict=True)
            if claimed is not None
        ]

    async def take_more_events(self, claim: Claim, limit: int, *, interruptible: bool) -> float:
        """Take up to `limit` of a thread's events into `claim.entries`, for one turn.

        Return the seconds since the last change in the thread. Raises `LeaseLost`.
        """
        p, id = await self.locate(claim.thread), claim.thread
        reply = await self.scripts.take_more_events(
            [keys.thread(p, id), keys.inbox(p, id), keys.threads(p)],
            id=id,
            fence=claim.fence,
            most=limit,
            interruptible=int(interruptible),
            owner=claim.owner,
        )
        if reply is None:
            raise LeaseLost
        claim.entries = [decode.entry(raw, id) for raw in reply[0]]
        return float(reply[1]) / 1000
