"""The time between two tries of what fails: longer each time, up to a limit, and not in step with other threads."""

from __future__ import annotations

import random
from typing import NamedTuple

SLOWER = 4
"""How many times as long to wait for a service that is away: it takes longer to come back than to try again."""


class Backoff(NamedTuple):
    """`base` and `cap`: seconds after the first try, and at most."""

    base: float
    cap: float

    def after(self, tries: int, *, told: float | None = None, away: bool = False) -> float:
        """Seconds until the next try, after so many that failed.

        told  seconds that whoever refused the last try asked us to wait: never sooner, and not all at the same moment
        away  a service that is asked for gave no answer
        """
        base = self.base * SLOWER if away else self.base
        own = min(self.cap, base * 2.0 ** min(tries - 1, 60)) * random.uniform(0.5, 1)
        return own if told is None else max(own, told * random.uniform(1, 1.1))
