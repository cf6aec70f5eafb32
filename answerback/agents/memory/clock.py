"""The clock of a thread in memory."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """The system's clock. A test uses a subclass that it moves."""

    def now(self) -> int:
        """Return the time in ms since 1970."""
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Wait, as "debounce" does for more messages."""
        await asyncio.sleep(seconds)
