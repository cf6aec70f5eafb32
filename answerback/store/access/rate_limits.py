"""Rate limits: requests per second for each caller, across all processes."""

from __future__ import annotations

from typing import NamedTuple

from answerback.store.access import keys
from answerback.store.redis import Database
from answerback.store.scripts import Scripts


class Allowance(NamedTuple):
    """The result of a rate limit.

    Attributes:
        passed: Whether the request is allowed.
        left: Requests allowed right after it.
        wait: Milliseconds until the next request is allowed.
        whole: Milliseconds until the whole burst is available again.
    """

    passed: bool
    left: int
    wait: int
    whole: int


class RateLimits:
    """Rate limits with an average of `rate` requests per second and bursts of `burst`."""

    def __init__(self, database: Database, *, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._interval = max(1, round(1_000_000 / rate))
        self._script = Scripts(database).rate_limit
        self._limits = self._script.grouped([], [])

    async def spend(self, caller: str, passed: int = 0) -> Allowance:
        """Count a request, and those that `passed` before it. A rejected request is not counted."""
        return await self._count(caller, passed, asked=1)

    async def count(self, caller: str, passed: int) -> Allowance:
        """Count requests that have passed. They count even over the limit."""
        return await self._count(caller, passed, asked=0)

    async def _count(self, caller: str, passed: int, asked: int) -> Allowance:
        args = self._script.item(interval=self._interval, burst=self.burst, passed=passed, asked=asked)
        through, left, wait, whole = await self._limits.submit(([keys.rate(caller)], args))
        return Allowance(bool(through), left, wait, whole)
