"""`GET /health/live` and `/health/ready`: whether the process runs, and whether it can store."""

from __future__ import annotations

import asyncio

from aiohttp import web

from answerback.errors import StoreFull, StoreUnavailable
from answerback.store import Threads

from .problems import problem


class Health:
    """The health of one ingress process."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    async def live(self, request: web.Request) -> web.Response:
        """The process answers."""
        return web.json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        """Redis answers too: events can be stored."""
        try:
            async with asyncio.timeout(1):
                await self._threads.database.now()
        except (StoreUnavailable, StoreFull, TimeoutError):
            return problem(503, "Redis does not answer", retry_after=2)
        return web.json_response({"status": "ok"})
