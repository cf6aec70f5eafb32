"""Poison-message isolation: a worker runs at most one suspected message at a time."""

from __future__ import annotations

import time

from answerback import tracing
from answerback.store.keys import Partition
from answerback.store.threads.leases import Reservation
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads

from ..orders import Pauses
from ..turns.turns import Turns


class PoisonIsolation:
    """Claims threads and runs their turns, at most one suspect at a time.

    A message that kills its worker also ends all other turns running in it. After two crashed attempts a message is a
    suspect, and it never shares a worker with another suspect. So an innocent message completes and is cleared by its
    commit, while the poison message soon crashes alone. There may be many poison messages, each new to its worker: an
    attempt whose crash would dead-letter the message therefore runs alone.
    """

    def __init__(self, threads: Threads, turns: Turns, pauses: Pauses, *, owner: str, max_attempts: int) -> None:
        self._pauses = pauses
        self._threads = threads
        self._turns = turns
        self._owner = owner
        self._max_attempts = max_attempts
        self._free = 1
        """How many more suspects may be claimed."""
        self._last_attempts: set[str] = set()
        """The threads whose messages become dead letters if they crash once more."""

    @property
    def paused(self) -> bool:
        """Whether nothing may be claimed: a message runs whose next crash would dead-letter it, or all is paused."""
        return bool(self._last_attempts) or self._pauses.everything

    async def claim(self, p: Partition, reservation: Reservation) -> list[Claim]:
        """Claim the reserved threads."""
        # A claim takes all the room until its response arrives: partitions are claimed concurrently.
        free, self._free = self._free, 0
        suspects: list[Claim] = []
        try:
            began = time.time_ns()
            claims = await self._threads.claim(p, reservation, self._owner, suspects=free, fatal=self._max_attempts)
            if tracing.current is not None:
                for claim in claims:
                    first = claim.entries[0]
                    tracing.current.claim(claim.thread, first.event.id, first.trace, began)
            suspects = [claim for claim in claims if self._is_suspect(claim)]
            return claims
        finally:
            self._free += free - len(suspects)
            self._last_attempts |= {claim.thread for claim in suspects if claim.crashes == self._max_attempts - 1}

    async def run(self, claim: Claim) -> None:
        """Run the turns of a claim."""
        suspect = self._is_suspect(claim)
        try:
            await self._turns.run(claim)
        finally:
            self._free += suspect
            self._last_attempts.discard(claim.thread)

    def _is_suspect(self, claim: Claim) -> bool:
        # As in claim.lua: a message that is only to be dead-lettered does not count.
        return claim.suspect and claim.crashes < self._max_attempts
