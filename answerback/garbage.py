"""The garbage collector of a process that serves many at once: no collection may stop it for long.

What requests and turns leave behind is freed without the collector, but for rare cycles. A full collection looks at
everything that is alive, which with thousands of open streams takes a third of a second, in which nothing is served.
"""

from __future__ import annotations

import gc
import time
from typing import Any

THRESHOLDS = 10_000, 3, 3
"""New objects after which the collector looks at them; how many times until it looks at older ones, and at all."""
LONG = 0.01
"""Seconds: a full collection that took longer is the last one that looked at what is alive now."""
THOROUGH = 3600.0
"""Seconds after which everything is looked at once more: what has become garbage since would stay forever."""


class _Pauses:
    """Measures full collections, and freezes what made one of them long."""

    def __init__(self) -> None:
        self._began = 0.0
        self._thawed = time.monotonic()

    def watch(self, phase: str, info: dict[str, Any]) -> None:
        """Called by the collector before and after each collection."""
        if info["generation"] < 2:
            return
        now = time.monotonic()
        if phase == "start":
            self._began = now
        elif now - self._thawed > THOROUGH:
            self._thawed = now
            gc.unfreeze()
        elif now - self._began > LONG:
            gc.freeze()


def settle() -> None:
    """Keep the collector from what has been loaded so far, which stays, and from stopping the process for long."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.callbacks.append(_Pauses().watch)
