"""The time between two tries of what fails: longer each time, up to a limit, and not in step with other threads."""

from __future__ import annotations

import random
from typing import NamedTuple


class Backoff(NamedTuple):
    """`base` and `cap`: seconds after the first try, and at most."""

    base: float
    cap: float

    def after(self, tries: int) -> float:
        """Seconds until the next try, after so many that failed."""
        return min(self.cap, self.base * 2.0 ** min(tries - 1, 60)) * random.uniform(0.5, 1)
