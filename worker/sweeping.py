"""The garbage collector of a worker: no collection may stop it for long, however many slow turns are in flight.

What turns leave behind is freed without the collector, but for rare cycles. By itself, it begins once there are many
more new objects than freed ones. If as many turns end as begin, that is late, and it looks at the objects of thousands
of turns at once.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import time
from pathlib import Path

EVERY = 0.2
"""Seconds between two looks at what is new. What is in use then is not looked at again until everything is."""
COUNTED = 10.0
"""Seconds after which the objects that are not looked at are counted."""
MOST = 500_000
"""How many more of them there may be than after the last look at everything: garbage in cycles is among them."""
GROWTH = 64_000_000
"""By how many bytes the process may grow until everything is looked at: few objects may hold much."""


def memory() -> int:
    """Return the bytes of memory that this process has; where that is not known, the most that it has had."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class Sweeper:
    """Looks at new objects, a few at a time."""

    def __init__(self) -> None:
        self._counted = time.monotonic()
        self._kept = gc.get_freeze_count()
        self._memory = memory()

    async def keep(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(EVERY)
            self.sweep()

    def sweep(self) -> None:
        """Look at what is new, and at everything if there are many more objects than before, or much more memory."""
        gc.collect(0)
        gc.freeze()
        if memory() - self._memory > GROWTH or self._are_many():
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._kept, self._memory = gc.get_freeze_count(), memory()

    def _are_many(self) -> bool:
        now = time.monotonic()
        if now - self._counted <= COUNTED:
            return False
        self._counted = now
        return gc.get_freeze_count() - self._kept > MOST
