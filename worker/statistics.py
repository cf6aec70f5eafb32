"""Counters of a worker: totals since its start for its report, and increments for the metrics per minute."""

from __future__ import annotations

from collections import Counter

from answerback.errors import StoreFull, StoreUnavailable
from answerback.store.fleet.metrics import Metrics, timed


class Counters:
    """The counts of one worker."""

    def __init__(self) -> None:
        self.done = 0
        self.failed = 0
        self._unwritten: Counter[str] = Counter()

    def handle(self, events: int) -> None:
        """Count a committed turn that handled `events` events."""
        self.done += 1
        self._unwritten["events"] += events

    def fail(self) -> None:
        """Count a failed attempt."""
        self.failed += 1
        self._unwritten["failed"] += 1

    def run(self, seconds: float) -> None:
        """Count a run of an agent and its duration, whatever its outcome."""
        self._unwritten["turns"] += 1
        self._unwritten[timed(seconds)] += 1

    async def flush(self, metrics: Metrics) -> None:
        """Write the increments since the last flush. If that fails, keep them for the next one."""
        increments, self._unwritten = self._unwritten, Counter()
        try:
            await metrics.add(increments)
        except (StoreUnavailable, StoreFull):
            self._unwritten += increments
            raise
