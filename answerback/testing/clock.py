"""A clock that a test moves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from answerback.agents.memory.clock import Clock

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class MovableClock(Clock):
    """Stands still until it is moved. Waiting by it moves it: no test waits.

    Args:
        start: Its first time; noon of a day in January by default, so that a test does not depend on the day it runs.

    Example:
        async with play(agent) as thread:
            thread.clock.move(hours=3)
            await thread.say("still there?")
    """

    def __init__(self, start: datetime = START) -> None:
        self._now = round(start.timestamp() * 1000)

    def now(self) -> int:
        """Return the time in ms since 1970."""
        return self._now

    def move(self, **duration: float) -> None:
        """Move it, as `move(minutes=5)`: the names are those of `datetime.timedelta`. It never runs backwards."""
        step = timedelta(**duration)
        if step < timedelta():
            raise ValueError("a clock does not run backwards")
        self._now += round(step.total_seconds() * 1000)

    async def sleep(self, seconds: float) -> None:
        """Move it by this time, after everything else that runs has had a turn."""
        for _ in range(3):
            await asyncio.sleep(0)
        self._now += round(seconds * 1000)
