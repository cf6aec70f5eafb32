"""Time limits of tasks: of running turns, which may also be cancelled or interrupted, and of deliveries."""

from __future__ import annotations

import asyncio
from typing import Literal

StopReason = Literal["expired", "cancelled", "interrupted"]

TICK = 0.2
"""Seconds between two checks of the clock: how late a limit may take effect."""


class Deadlines:
    """Cancels tasks and records why.

    One periodic check serves all time limits: a timer per task costs as much as a short turn or parsing a delivery.
    """

    def __init__(self) -> None:
        self._deadlines: dict[asyncio.Task[object], float] = {}
        self._reasons: dict[asyncio.Task[object], StopReason] = {}

    def start(self, task: asyncio.Task[object], seconds: float) -> None:
        """Start the time limit of a task."""
        self._deadlines[task] = task.get_loop().time() + seconds

    def cancel(self, task: asyncio.Task[object], reason: StopReason) -> None:
        """Cancel the task now if its time limit is still running."""
        if task in self._deadlines:
            self._reasons.setdefault(task, reason)
            task.cancel()

    def stop(self, task: asyncio.Task[object]) -> StopReason | None:
        """End the time limit. Return why the task was cancelled, if it was; the cancellation is then undone."""
        del self._deadlines[task]
        reason = self._reasons.pop(task, None)
        while reason and task.uncancel():
            pass
        return reason

    async def keep(self) -> None:
        """Check the time limits forever."""
        while True:
            await asyncio.sleep(TICK)
            now = asyncio.get_running_loop().time()
            for task, deadline in list(self._deadlines.items()):
                # Repeated at each check: an agent may have swallowed the last cancellation.
                if now > deadline or task in self._reasons:
                    self.cancel(task, "expired")
