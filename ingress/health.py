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
    """The health of one ingress process."""

    def __init__(self, threads: Threads) -> None:
        self._stopping = False
        self._threads = threads
        self._probed_at = 0.0
        self._probing: asyncio.Task[str] | None = None

    def stop(self) -> None:
        """Report not ready from now on, so that the process gets no new requests."""
        self._stopping = True

    async def live(self, request: web.Request) -> web.Response:
        """Return 200 while the process runs."""
        return web.json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        """Return 200 if Redis accepts the writes that an event needs, else a 503 problem."""
        why = await self.why_not()
        return problem(503, why, retry_after=2) if why else web.json_response({"status": "ok"})

    async def why_not(self) -> str:
        """Return why events cannot be stored now; "" when they can."""
        if self._stopping:
            return "stopping"
        now, guard = time.monotonic(), self._threads.database.guard
        away = guard is not None and guard.away > 0
        if self._probing is None or (self._probing.done() and (away or now - self._probed_at > KEPT)):
            self._probed_at = now
            self._probing = asyncio.create_task(self._probe())
        return await asyncio.shield(self._probing)

    async def _probe(self) -> str:
        # The details are in the log: this response is public.
        try:
            async with asyncio.timeout(1):
                await self._threads.scripts.try_write([keys.probe()])
        except StoreUnfit:
            return "Redis is misconfigured; see the log"
        except StoreFull:
            return "Redis is full"
        except (StoreUnavailable, TimeoutError):
            return "Redis does not respond"
        return ""
