"""`GET /health/live` and `/health/ready`: whether the process runs, and whether it can store events."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from answerback.errors import StoreFull, StoreUnavailable, StoreUnfit
from answerback.store import keys
from answerback.store.threads.threads import Threads

from .problems import problem

KEPT = 0.25
"""Seconds for which the result of a Redis probe is reused, so that health checks never become a load."""


class Health:
    """The health of one ingress process. With `stopping` set, it reports not ready so that it gets no new requests."""

    def __init__(self, threads: Threads) -> None:
        self.stopping = False
        self._threads = threads
        self._asked = 0.0
        self._asking: asyncio.Task[str] | None = None

    async def live(self, request: web.Request) -> web.Response:
        """Return 200 while the process runs."""
        return web.json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        """Return 200 if Redis accepts the writes that an event needs, else a 503 problem."""
        why = await self.why_not()
        return problem(503, why, retry_after=2) if why else web.json_response({"status": "ok"})

    async def why_not(self) -> str:
        """Return why events cannot be stored now; "" when they can."""
        if self.stopping:
            return "stopping"
        now, guard = time.monotonic(), self._threads.database.guard
        away = guard is not None and guard.away > 0
        if self._asking is None or (self._asking.done() and (away or now - self._asked > KEPT)):
            self._asked = now
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> str:
        # The details are in the log: this response is public.
        try:
            async with asyncio.timeout(1):
                await self._threads.scripts.try_write([keys.probe()], [])
        except StoreUnfit:
            return "Redis is misconfigured; see the log"
        except StoreFull:
            return "Redis is full"
        except (StoreUnavailable, TimeoutError):
            return "Redis does not respond"
        return ""
