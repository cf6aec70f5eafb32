"""Prometheus metrics of every process, and what their definitions share. docs/metrics.md lists all metrics."""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import version

from prometheus_client import Gauge, Histogram, disable_created_metrics

DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
"""Buckets of turns, requests and waits, in seconds."""
ROUND_TRIPS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
LAGS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
TICK = 0.25
"""Seconds between two measurements of the event loop's lag."""
OTHER = "other"
"""The value of a label for everything that is not listed."""

BUILD = Gauge("answerback_build_info", "1; its label is the version that runs", ["version"])
REDIS = Histogram(
    "answerback_redis_call_duration_seconds", "Round trips to Redis, without blocking commands", buckets=ROUND_TRIPS
)
REDIS_AWAY = Gauge(
    "answerback_redis_unavailable_seconds", "Seconds since Redis became unavailable; 0 while it is available"
)
LAG = Histogram(
    "answerback_event_loop_lag_seconds", "How much later than scheduled the event loop runs a timer", buckets=LAGS
)


class Bounded:
    """The values that a label may have: the first `limit` that are used; all later ones become "other"."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: set[str] = set()

    def __call__(self, value: str) -> str:
        """Return the label for a value."""
        if value not in self._values:
            if len(self._values) >= self._limit:
                return OTHER
            self._values.add(value)
        return value


def expose() -> None:
    """Prepare the registry of a process: without the time at which each series was created."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    BUILD.labels(version("answerback")).set(1)


async def watch_lag() -> None:
    """Measure the lag of the event loop, forever."""
    while True:
        due = time.monotonic() + TICK
        await asyncio.sleep(TICK)
        LAG.observe(max(0.0, time.monotonic() - due))
