"""Rate limits: so many requests a second for each caller, whichever process they come to."""

from __future__ import annotations

from typing import NamedTuple

from answerback.store import keys
from answerback.store.redis import Database
from answerback.store.scripts import Scripts


class Allowance(NamedTuple):
    """Whether a request may pass, and what is `left` after it; `wait` and `whole`: ms until one more, and until all."""

    passed: bool
    left: int
    wait: int
    whole: int


class RateLimits:
    """The rate limits of one Redis: `rate` requests a second in the long run, and `burst` at once."""

    def __init__(self, database: Database, *, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._interval = max(1, round(1_000_000 / rate))
        self._limits = Scripts(database).rate_limit.grouped([], [])

    async def spend(self, caller: str) -> Allowance:
        """Count a request. One that does not pass is not counted."""
        passed, left, wait, whole = await self._limits.submit(([keys.rate(caller)], [self._interval, self.burst]))
        return Allowance(bool(passed), left, wait, whole)
