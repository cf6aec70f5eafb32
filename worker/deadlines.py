"""The time limits of running turns: one clock for all of them, since a timer each would cost more than a short turn."""

from __future__ import annotations

import asyncio

TICK = 0.2
"""Seconds between two looks at the clock: how late a limit may take effect."""


class Deadlines:
    """Cancels a task that runs past its time, and knows that it was this that cancelled it."""

    def __init__(self) -> None:
        self._till: dict[asyncio.Task[object], float] = {}
        self._expired: set[asyncio.Task[object]] = set()

    def start(self, task: asyncio.Task[object], seconds: float) -> None:
        """From now on the task has so many seconds."""
        self._till[task] = task.get_loop().time() + seconds

    def stop(self, task: asyncio.Task[object]) -> bool:
        """The task is done with what was limited. Whether its time was over; then our cancellation is taken back."""
        del self._till[task]
        if task not in self._expired:
            return False
        self._expired.discard(task)
        while task.uncancel():
            pass
        return True

    async def keep(self) -> None:
        """Watch the clock for ever."""
        while True:
            await asyncio.sleep(TICK)
            now = asyncio.get_running_loop().time()
            for task, till in list(self._till.items()):
                # Again at each look: an agent may have swallowed the last cancellation.
                if now > till:
                    self._expired.add(task)
                    task.cancel()
