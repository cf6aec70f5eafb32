"""Exponential backoff with jitter for delays that are stored: the next attempt may be another worker's.

A call that is retried in place uses tenacity.
"""

from __future__ import annotations

import random
from typing import NamedTuple

SLOWER = 4
"""Factor for services that are unreachable: recovering takes longer than retrying."""


class Backoff(NamedTuple):
    """`base` and `cap`: the first and the longest delay, in seconds."""

    base: float
    cap: float

    def after(self, failures: int, *, requested: float | None = None, unreachable: bool = False) -> float:
        """Return the seconds until the next attempt.

        Args:
            failures: number of failed attempts so far.
            requested: seconds of the pause that the last response asked for; treated as a minimum, with jitter.
            unreachable: whether the service did not respond at all.
        """
        base = self.base * SLOWER if unreachable else self.base
        delay = min(self.cap, base * 2.0 ** min(failures - 1, 60)) * random.uniform(0.5, 1)
        return delay if requested is None else max(delay, requested * random.uniform(1, 1.1))
