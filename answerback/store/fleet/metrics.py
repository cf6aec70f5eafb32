"""The workers' metrics per minute, kept for a day: events, turns, failures, and durations of turns."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import msgspec

from answerback.store.fleet import keys
from answerback.store.redis import Database

MINUTE = 60_000
KEPT = 25 * 3_600_000
"""ms for which a minute is kept."""
STEP = 1.15
"""Growth factor of the histogram buckets; bounds the error of the quantiles."""


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics of an interval that began at `at`, ms. `p50` and `p95`: seconds per turn; None without turns."""

    at: int
    events: int
    turns: int
    failed: int
    p50: float | None
    p95: float | None


class Metrics:
    """The metrics of all workers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, counted: Mapping[str, int]) -> None:
        """Add counts to the current minute: "events", "turns", "failed", and `timed(seconds)` for each turn."""
        if not counted:
            return
        key = keys.minute(await self._database.now() // MINUTE)
        counts = [("HINCRBY", key, name, count) for name, count in counted.items()]
        await self._database.together(*counts, ("PEXPIRE", key, KEPT))

    async def read(self, minutes: int, *, each: int = 1) -> list[Measure]:
        """Return the metrics of the last `minutes`, up to now, in intervals of `each` minutes."""
        now = await self._database.now() // MINUTE
        # Intervals are aligned, so that the bars of a chart do not change when the next minute begins.
        first = (now - minutes) // each * each + each
        found = await self._database.together(*(("HGETALL", keys.minute(m)) for m in range(first, now + 1)))
        counts = [Counter({name.decode(): int(count) for name, count in fields.items()}) for fields in found]
        stretches = range(0, len(counts), each)
        return [_measure((first + at) * MINUTE, sum(counts[at : at + each], Counter())) for at in stretches]


def timed(seconds: float) -> str:
    """Return the field (histogram bucket) in which a turn of this duration is counted."""
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
