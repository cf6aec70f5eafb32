"""The application: every route on one screen."""

from __future__ import annotations

from aiohttp import web

from answerback.settings import Settings
from answerback.store import Database, Threads
from ingress.health import Health
from ingress.metrics import Metrics
from ingress.problems import problems
from ingress.webhooks import Webhooks


def application(settings: Settings, database: Database) -> web.Application:
    """The aiohttp application of one ingress process, storing into `database`."""
    threads = Threads(database, partitions=settings.partitions, seen_days=settings.seen_days)
    webhooks, health, metrics = Webhooks(settings, threads), Health(threads), Metrics(threads)

    app = web.Application(middlewares=[problems], client_max_size=settings.body_limit)
    app.add_routes(
        [
            web.post("/webhooks/{platform}", webhooks.post),
            web.get("/health/live", health.live),
            web.get("/health/ready", health.ready),
            web.get("/metrics", metrics.get),
        ]
    )
    return app
