"""`GET /health/live` and `/health/ready`: whether the process runs, and whether it can store."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from answerback.errors import StoreFull, StoreUnavailable, StoreUnfit
from answerback.store import Threads, keys

from .problems import problem

KEPT = 0.25
"""Seconds for which an answer about Redis is good, so that no number of questions becomes a load."""


class Health:
    """The health of one ingress process. `stopping`: it is about to end, and shall get no more requests."""

    def __init__(self, threads: Threads) -> None:
        self.stopping = False
        self._threads = threads
        self._asked = 0.0
        self._asking: asyncio.Task[str] | None = None

    async def live(self, request: web.Request) -> web.Response:
        """The process answers."""
        return web.json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        """Redis takes what an event would write."""
        why = await self.why_not()
        return problem(503, why, retry_after=2) if why else web.json_response({"status": "ok"})

    async def why_not(self) -> str:
        """Why nothing can be stored now; "" when it can."""
        if self.stopping:
            return "stopping"
        now, guard = time.monotonic(), self._threads.database.guard
        away = guard is not None and guard.away > 0
        if self._asking is None or (self._asking.done() and (away or now - self._asked > KEPT)):
            self._asked = now
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> str:
        # The log says more; this may be read by anybody.
        try:
            async with asyncio.timeout(1):
                await self._threads.scripts.try_write([keys.probe()], [])
        except StoreUnfit:
            return "Redis cannot be used as it is set up"
        except StoreFull:
            return "Redis cannot store more"
        except (StoreUnavailable, TimeoutError):
            return "Redis does not answer"
        return ""
