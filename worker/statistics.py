"""What a worker has done: since it began, for its report, and since the last heartbeat, for the minutes' measures."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from answerback.errors import StoreFull, StoreUnavailable
from answerback.store.fleet.metrics import Metrics, timed


class Counters:
    """The counts of one worker."""

    def __init__(self) -> None:
        self.done = 0
        self.failed = 0
        self._fresh: Counter[str] = Counter()

    def handle(self, events: int) -> None:
        """A turn was committed that answers so many events."""
        self.done += 1
        self._fresh["events"] += events

    def fail(self) -> None:
        """An attempt failed."""
        self.failed += 1
        self._fresh["failed"] += 1

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A turn's agent thinks, whatever comes of it."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._fresh["turns"] += 1
            self._fresh[timed(time.monotonic() - began)] += 1

    async def flush(self, measures: Metrics) -> None:
        """Hand over what was counted since the last time. Where that fails, it is kept for the next one."""
        counted, self._fresh = self._fresh, Counter()
        try:
            await measures.add(counted)
        except (StoreUnavailable, StoreFull):
            self._fresh += counted
            raise
