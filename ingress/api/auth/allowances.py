"""The rate limits of callers, counted for all processes together, and asked for only when a limit is near.

While a caller has most of its burst left, its requests pass at once, and are counted together a moment later: neither
they nor the store wait for each other. Near the limit, each request waits to be counted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from answerback.errors import StoreFull, StoreUnavailable
from answerback.store.access.rate_limits import Allowance, RateLimits

SOON = 0.05
"""Seconds until requests that passed are counted."""
FRESH = 1.0
"""Seconds for which it is known how much of a burst is left."""
NEAR = 0.5
"""The part of a burst below which each request is counted before it passes."""
UNCOUNTED = 0.1
"""The part of a burst that may have passed without being counted."""
CALLERS = 10_000
"""Callers whose limits are known; the one that was added first is dropped first."""


class Allowances:
    """What is left to the callers of one process."""

    def __init__(self, limits: RateLimits) -> None:
        self.limits = limits
        self._callers: dict[str, _Caller] = {}

    async def spend(self, caller: str) -> Allowance:
        """Count a request. A rejected request is not counted."""
        known = self._callers.get(caller)
        if known is None:
            known = self._callers[caller] = _Caller(self.limits, caller)
            if len(self._callers) > CALLERS:
                del self._callers[next(iter(self._callers))]
        return known.take() or await known.spend()


class _Caller:
    """A caller: when its whole burst is available again, as far as is known, and what passed since."""

    def __init__(self, limits: RateLimits, caller: str) -> None:
        self._limits = limits
        self._caller = caller
        self._interval = 1 / limits.rate
        self._burst = limits.burst * self._interval
        self._most = int(limits.burst * UNCOUNTED)
        self._whole_at = 0.0
        self._known_until = 0.0
        self._passed = 0
        self._counting: asyncio.Task[None] | None = None

    def take(self) -> Allowance | None:
        """Let a request pass that is to be counted later; None if it must be counted first."""
        now = time.monotonic()
        whole = max(self._whole_at - now, 0.0) + self._interval
        if now > self._known_until or whole > self._burst * (1 - NEAR) or self._passed >= self._most:
            return None
        self._whole_at = now + whole
        self._passed += 1
        if self._counting is None:
            self._counting = asyncio.create_task(self._count())
        return Allowance(True, int((self._burst - whole) / self._interval), 0, int(whole * 1000) + 1)

    async def spend(self) -> Allowance:
        """Count a request now."""
        return await self._ask(self._limits.spend)

    async def _count(self) -> None:
        try:
            while self._passed:
                await asyncio.sleep(SOON)
                if self._passed:
                    await self._ask(self._limits.count)
        except (StoreUnavailable, StoreFull):
            pass  # they are counted with the next request
        finally:
            self._counting = None

    async def _ask(self, count: Callable[[str, int], Awaitable[Allowance]]) -> Allowance:
        passed, self._passed = self._passed, 0
        try:
            allowance = await count(self._caller, passed)
        except BaseException:
            self._passed += passed
            raise
        now = time.monotonic()
        self._whole_at = now + allowance.whole / 1000 + self._passed * self._interval
        self._known_until = now + FRESH
        return allowance
