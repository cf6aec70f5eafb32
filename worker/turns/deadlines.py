"""Ending a running turn before its agent does: its time is over, somebody cancelled it, or it is interrupted."""

from __future__ import annotations

import asyncio
from typing import Literal

Why = Literal["expired", "cancelled", "interrupted"]

TICK = 0.2
"""Seconds between two looks at the clock: how late a limit may take effect."""


class Deadlines:
    """Cancels the task of a turn, and knows that it was this that cancelled it.

    One clock serves all time limits, since a timer each would cost more than a short turn.
    """

    def __init__(self) -> None:
        self._till: dict[asyncio.Task[object], float] = {}
        self._why: dict[asyncio.Task[object], Why] = {}

    def start(self, task: asyncio.Task[object], seconds: float) -> None:
        """From now on the task has so many seconds."""
        self._till[task] = task.get_loop().time() + seconds

    def halt(self, task: asyncio.Task[object], why: Why) -> None:
        """End it now, if it still does what was limited."""
        if task in self._till:
            self._why.setdefault(task, why)
            task.cancel()

    def stop(self, task: asyncio.Task[object]) -> Why | None:
        """The task is done with what was limited. Why it was ended, if it was; then our cancellation is taken back."""
        del self._till[task]
        why = self._why.pop(task, None)
        while why and task.uncancel():
            pass
        return why

    async def keep(self) -> None:
        """Watch the clock for ever."""
        while True:
            await asyncio.sleep(TICK)
            now = asyncio.get_running_loop().time()
            for task, till in list(self._till.items()):
                # Again at each look: an agent may have swallowed the last cancellation.
                if now > till or task in self._why:
                    self.halt(task, "expired")
