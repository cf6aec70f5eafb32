"""What workers measured, minute by minute, for a day: events, turns, failures, and how long turns took."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import msgspec

from answerback.store import keys
from answerback.store.redis import Database

MINUTE = 60_000
KEPT = 25 * 3_600_000
"""How long a minute is kept, ms."""
STEP = 1.15
"""Times are counted in classes, each this many times as long as the one before: so exact are the quantiles."""


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time that began at `at`, ms. `p50` and `p95` are seconds of a turn; None where there was none."""

    at: int
    events: int
    turns: int
    failed: int
    p50: float | None
    p95: float | None


class Metrics:
    """The measures of one Redis."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, counted: Mapping[str, int]) -> None:
        """Add to the minute that it is: "events", "turns", "failed", and `timed(seconds)` for each turn."""
        if not counted:
            return
        key = keys.minute(await self._database.now() // MINUTE)
        counts = [("HINCRBY", key, name, count) for name, count in counted.items()]
        await self._database.together(*counts, ("PEXPIRE", key, KEPT))

    async def read(self, minutes: int, *, each: int = 1) -> list[Measure]:
        """The last `minutes`, the one that it is now at the end, `each` so many together."""
        now = await self._database.now() // MINUTE
        # Whole stretches, so that a chart's bars stay what they were when the next minute begins.
        first = (now - minutes) // each * each + each
        found = await self._database.together(*(("HGETALL", keys.minute(m)) for m in range(first, now + 1)))
        counts = [Counter({name.decode(): int(count) for name, count in fields.items()}) for fields in found]
        stretches = range(0, len(counts), each)
        return [_measure((first + at) * MINUTE, sum(counts[at : at + each], Counter())) for at in stretches]


def timed(seconds: float) -> str:
    """The field in which a turn is counted that took so long."""
    return f"t{round(math.log(max(seconds, 0.001), STEP))}"


def _measure(at: int, counted: Counter[str]) -> Measure:
    times = sorted((int(name[1:]), count) for name, count in counted.items() if name[0] == "t" and name != "turns")
    return Measure(
        at=at,
        events=counted["events"],
        turns=counted["turns"],
        failed=counted["failed"],
        p50=_quantile(times, 0.5),
        p95=_quantile(times, 0.95),
    )


def _quantile(times: list[tuple[int, int]], share: float) -> float | None:
    left = math.ceil(sum(count for _, count in times) * share)
    for step, count in times:
        left -= count
        if left <= 0:
            return float(f"{STEP**step:.3g}")
    return None
