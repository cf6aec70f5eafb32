"""The services of one ingress process: its application, its connection to the store, and what runs beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiohttp import web

from answerback.errors import StoreUnavailable
from answerback.metrics import REDIS, watch_lag
from answerback.settings import Settings
from answerback.store.guard import Guard
from answerback.store.redis import Database
from answerback.store.threads.threads import Threads
from answerback.supervised import Supervised

from .app import STOPPING, application
from .stopping import Stopping
from .webhooks import Webhooks


class Running(NamedTuple):
    """An application that has started."""

    server: web.Server
    webhooks: Webhooks
    stopping: Stopping


@asynccontextmanager
async def running(settings: Settings, supervised: Supervised | None = None) -> AsyncIterator[Running]:
    """Start the application and its services, and stop them at the end.

    Raises:
        ConfigurationError: Redis is missing, or will never be usable as it is configured.
    """
    # A delivery may wait for the flush in progress and for its own: after twice this time, the response is 503.
    guard = Guard(settings.partitions)
    database = Database(
        settings.redis(), timeout=settings.accept_timeout / 2, guard=guard, replicas=settings.redis_replicas
    )
    database.observe = REDIS.observe
    try:
        threads = Threads(
            database, partitions=settings.partitions, seen_days=settings.seen_days, pause=settings.loop_pause
        )
        webhooks = Webhooks(settings, threads)
        try:
            await database.inspect()
        except StoreUnavailable:
            # Logged by the guard. Stop only for what cannot recover; until the rest does, webhooks get 503.
            guard.refuse_at_start()
        app = application(settings, threads, webhooks, supervised)
        # Requests in flight have finished by then; this covers the last bytes.
        runner = web.AppRunner(app, shutdown_timeout=0.5)
        await runner.setup()
        assert runner.server is not None
        work = (database.keep_inspecting(), webhooks.deadlines.keep(), watch_lag())
        services = [asyncio.create_task(each) for each in work]
        try:
            yield Running(runner.server, webhooks, app[STOPPING])
        finally:
            for service in services:
                service.cancel()
            await runner.cleanup()
    finally:
        await database.close()
