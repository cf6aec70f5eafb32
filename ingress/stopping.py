"""Graceful shutdown of an ingress process: report not ready, close the listener, end streams, finish requests."""

from __future__ import annotations

import asyncio

from answerback.settings import Settings

from .api.conversations.waits import Waits
from .connections import ConnectionLimiter
from .health import Health
from .listening import Listener
from .mcp.endpoint import Mcp

LAST = 1.0
"""Seconds reserved at the end of the grace period to send errors to the requests that did not finish."""


class Stopping:
    """The graceful shutdown of one process."""

    def __init__(self, settings: Settings, health: Health, waits: Waits, mcp: Mcp) -> None:
        self._drain = settings.drain
        self._grace = settings.grace
        self._health = health
        self._waits = waits
        self._mcp = mcp

    async def run(
        self, listener: Listener, connections: ConnectionLimiter, hurry: asyncio.Event, *, replaced: bool = False
    ) -> None:
        """Finish the requests in flight within the grace period; stop at once when `hurry` is set.

        For the first `DRAIN_SECONDS` only `/health/ready` changes, because load balancers notice it late. If the
        process is `replaced`, that is the other way round: its successor accepts new connections, the service is as
        ready as before, and the connections that it has accepted get the time to send their requests.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._grace
        connections.close_after_responses()
        if replaced:
            listener.close()
            await _within(hurry, min(max(self._drain, LAST), self._grace))
        else:
            self._health.stop()
            await _within(hurry, min(self._drain, self._grace))
            listener.close()
        connections.server.pre_shutdown()
        self.end_resumable()
        await self._finish(connections, deadline - LAST, hurry)
        self.end_all()
        await self._finish(connections, max(deadline, loop.time() + LAST / 2), hurry)

    def end_resumable(self) -> None:
        """End the requests that their clients can resume on another process; report not ready."""
        # A stream can be resumed from its last id, and the sender of a stored message gets the receipt. Requests whose
        # answer can be had only here go on while there is time.
        self._health.stop()
        self._waits.stop(resumable=True)
        self._mcp.close()

    def end_all(self) -> None:
        """End all requests that wait."""
        self._waits.stop(resumable=False)

    async def _finish(self, connections: ConnectionLimiter, deadline: float, hurry: asyncio.Event) -> None:
        while connections.busy and asyncio.get_running_loop().time() < deadline:
            if await _within(hurry, 0.02):
                return


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
