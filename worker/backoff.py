"""Exponential backoff with jitter between attempts."""

from __future__ import annotations

import random
from typing import NamedTuple

SLOWER = 4
"""Factor for services that are unreachable: recovering takes longer than retrying."""


class Backoff(NamedTuple):
    """`base` and `cap`: the first and the longest delay, in seconds."""

    base: float
    cap: float

    def after(self, tries: int, *, told: float | None = None, away: bool = False) -> float:
        """Return the seconds until the next attempt.

        Args:
            tries: number of failed attempts so far.
            told: seconds that the last response asked us to wait; treated as a minimum, with jitter.
            away: whether the service did not respond at all.
        """
        base = self.base * SLOWER if away else self.base
        own = min(self.cap, base * 2.0 ** min(tries - 1, 60)) * random.uniform(0.5, 1)
        return own if told is None else max(own, told * random.uniform(1, 1.1))
