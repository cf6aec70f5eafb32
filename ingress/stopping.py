"""How an ingress process ends: not ready, then without new connections, then without streams, then gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from answerback.settings import Settings

from .api.conversations.waits import Waits
from .connections import ConnectionLimiter
from .health import Health

LAST = 1.0
"""Seconds at the end of the grace for those to be told who could not be answered."""


class Stopping:
    """The end of one process. `close` lets nobody wait on MCP."""

    def __init__(self, settings: Settings, health: Health, waits: Waits, close: Callable[[], None]) -> None:
        self._drain = settings.drain
        self._grace = settings.grace
        self._health = health
        self._waits = waits
        self._close = close

    async def run(self, listener: asyncio.Server, door: ConnectionLimiter, hurry: asyncio.Event) -> None:
        """Let what has begun be answered, within the grace; `hurry` when it is to end at once.

        For the first seconds only `/health/ready` says that we go: who balances the load hears of it late.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._grace
        self._health.stopping = door.closing = True
        await _within(hurry, min(self._drain, self._grace))
        listener.close()
        door.server.pre_shutdown()
        # A stream is followed elsewhere from its last id, and a message that is stored is answered: its sender gets
        # the receipt. Whoever cannot come back for the rest is answered here, while there is time.
        self._waits.stop(resumable=True)
        self._close()
        await self._answered(door, deadline - LAST, hurry)
        self._waits.stop(resumable=False)
        await self._answered(door, max(deadline, loop.time() + LAST / 2), hurry)

    async def _answered(self, door: ConnectionLimiter, deadline: float, hurry: asyncio.Event) -> None:
        while door.busy and asyncio.get_running_loop().time() < deadline:
            if await _within(hurry, 0.02):
                return


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
