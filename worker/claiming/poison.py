"""Telling a message that kills workers from those that only were there when one died."""

from __future__ import annotations

from answerback.store import Claim, Threads
from answerback.store.threads.leases import Reservation

from ..turns.turns import Turns


class PoisonIsolation:
    """Claims threads for one worker, of which at most one is a suspect at a time.

    A message that kills its worker takes all others down that run in it. Two of a message's attempts may
    end so before it is suspected; from then on it never shares a worker with another suspect. So those
    that only were there get through, and the one that kills is soon alone with its count of crashes.
    There may be many that kill, each new to its worker: so while an attempt runs that must not crash, for the
    message would be buried, nothing else begins beside it.
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
        """The work of the threads that were taken."""
        room, self._room = self._room, 0
        claims: list[Claim] = []
        try:
            claims = await self._threads.claim(p, taken, self._worker, suspects=room, fatal=self._fatal)
            return claims
        finally:
            self._room += room - sum(self._suspected(claim) for claim in claims)
            self._last |= {each.thread for each in claims if self._suspected(each) and each.crashes == self._fatal - 1}

    async def run(self, claim: Claim) -> None:
        """Run the turns of one of them."""
        suspected = self._suspected(claim)
        try:
            await self._turns.run(claim)
        finally:
            self._room += suspected
            self._last.discard(claim.thread)

    def _suspected(self, claim: Claim) -> bool:
        # As claim.lua has it: what is only to be buried takes nobody's room.
        return claim.suspect and claim.crashes < self._fatal
