"""Stopping a running turn early: it timed out, was cancelled, or was interrupted by a new message."""

from __future__ import annotations

import asyncio
from typing import Literal

Why = Literal["expired", "cancelled", "interrupted"]

TICK = 0.2
"""Seconds between two checks of the clock: how late a limit may take effect."""


class Deadlines:
    """Cancels the task of a turn and records why.

    One periodic check serves all time limits: a timer per turn would cost more than a short turn.
    """

    def __init__(self) -> None:
        self._till: dict[asyncio.Task[object], float] = {}
        self._why: dict[asyncio.Task[object], Why] = {}

    def start(self, task: asyncio.Task[object], seconds: float) -> None:
        """Start the time limit of a task."""
        self._till[task] = task.get_loop().time() + seconds

    def halt(self, task: asyncio.Task[object], why: Why) -> None:
        """Cancel the task now if its time limit is still running."""
        if task in self._till:
            self._why.setdefault(task, why)
            task.cancel()

    def stop(self, task: asyncio.Task[object]) -> Why | None:
        """End the time limit. Return why the task was cancelled, if it was; the cancellation is then undone."""
        del self._till[task]
        why = self._why.pop(task, None)
        while why and task.uncancel():
            pass
        return why

    async def keep(self) -> None:
        """Check the time limits forever."""
        while True:
            await asyncio.sleep(TICK)
            now = asyncio.get_running_loop().time()
            for task, till in list(self._till.items()):
                # Repeated at each check: an agent may have swallowed the last cancellation.
                if now > till or task in self._why:
                    self.halt(task, "expired")
