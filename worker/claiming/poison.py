"""Poison-message isolation: a worker runs at most one suspected message at a time."""

from __future__ import annotations

from answerback.store.threads.leases import Reservation
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads

from ..turns.turns import Turns


class PoisonIsolation:
    """Claims threads for one worker, at most one suspect at a time.

    A message that kills its worker also ends all other turns running in it. After two crashed attempts a message is a
    suspect, and it never shares a worker with another suspect. So an innocent message completes and is cleared by its
    commit, while the poison message soon crashes alone. There may be many poison messages, each new to its worker: an
    attempt whose crash would dead-letter the message therefore runs alone.
    """

    def __init__(self, threads: Threads, turns: Turns, worker: str, *, fatal: int) -> None:
        self._threads = threads
        self._turns = turns
        self._worker = worker
        self._fatal = fatal
        self._room = 1
        self._last: set[str] = set()

    def closed(self) -> bool:
        """Whether nothing may be claimed now."""
        return bool(self._last)

    async def claim(self, p: int, taken: Reservation) -> list[Claim]:
        """Claim the reserved threads."""
        room, self._room = self._room, 0
        claims: list[Claim] = []
        try:
            claims = await self._threads.claim(p, taken, self._worker, suspects=room, fatal=self._fatal)
            return claims
        finally:
            self._room += room - sum(self._suspected(claim) for claim in claims)
            self._last |= {each.thread for each in claims if self._suspected(each) and each.crashes == self._fatal - 1}

    async def run(self, claim: Claim) -> None:
        """Run the turns of a claim."""
        suspected = self._suspected(claim)
        try:
            await self._turns.run(claim)
        finally:
            self._room += suspected
            self._last.discard(claim.thread)

    def _suspected(self, claim: Claim) -> bool:
        # As in claim.lua: a message that is only to be dead-lettered does not count.
        return claim.suspect and claim.crashes < self._fatal
