"""The aiohttp application: all routes outside the API, which lists its own in `api/routes/routes.py`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

from aiohttp import web

from answerback.http.monitor import Metrics as MetricsRoute
from answerback.http.monitor import Monitor
from answerback.settings import Settings
from answerback.store.stream.followers import Live
from answerback.store.threads.threads import Threads
from answerback.supervised import Supervised

from .api.conversations.conversation import Conversation
from .api.openai.elsewhere import elsewhere
from .api.pipeline import Api
from .api.routes.routes import routes
from .api.routes.widget import KeyCheck
from .api.sse import Streams
from .health import Health
from .install import Installs
from .mcp.endpoint import Mcp
from .metrics import Metrics
from .pages.documents import documents
from .pages.pages import pages
from .problems import problems
from .request_id import identified, show
from .shared_files import SharedFileRoutes
from .stopping import Stopping
from .webhooks import Webhooks

STOPPING = web.AppKey("stopping", Stopping)
"""The graceful shutdown of the process."""


def application(
    settings: Settings, threads: Threads, webhooks: Webhooks, supervised: Supervised | None = None
) -> web.Application:
    """Return the aiohttp application of one ingress process, which stores events in `threads`."""
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else ""
    health, collect = Health(threads), Metrics(threads).collect
    # Of several processes, any one may be asked, and it responds for all of them.
    metrics = MetricsRoute(supervised.all_metrics if supervised else collect, token)

    installs = Installs(settings, threads)
    app = web.Application(middlewares=[identified, elsewhere, problems], client_max_size=settings.body_limit)
    app.add_routes(
        [
            *(web.route(method, path, webhooks.handle) for method, path in webhooks.routes),
            web.get("/health/live", health.live),
            web.get("/health/ready", health.ready),
            *([] if settings.metrics_port else [web.get("/metrics", metrics.get)]),
            *pages(),
            *documents(),
            *installs.routes(),
            *SharedFileRoutes(settings, threads).routes(),
        ]
    )
    app.on_response_prepare.append(show)
    live, streams = Live(threads), Streams(settings.heartbeat)
    conversation = Conversation(threads, live)
    mcp = Mcp(conversation, settings.read_timeout)
    api = Api(settings, threads, [*routes(settings, conversation, streams), *mcp.routes()])
    api.mount(app)
    app.router.add_post("/widget/check", KeyCheck(api.authenticator, settings.read_timeout).post)
    app[STOPPING] = Stopping(settings, health, api.waits, mcp)
    # Before the first delivery: an agent that asks for payloads gets them from the first.
    app.on_startup.append(lambda _: webhooks.raw.look())
    app.cleanup_ctx.extend((_background(live.keep), _background(api.waits.watch), _background(webhooks.raw.keep)))
    app.on_cleanup.append(mcp.stop)
    app.on_cleanup.append(installs.close)
    if supervised:
        app.cleanup_ctx.append(_monitored(supervised.monitor(health.why_not, collect)))
    elif settings.metrics_port:
        host = settings.metrics_host or settings.host
        app.cleanup_ctx.append(
            _monitored(Monitor("METRICS_PORT", host, settings.metrics_port, health.why_not, metrics))
        )
    return app


def _monitored(monitor: Monitor) -> Callable[[web.Application], AsyncIterator[None]]:
    async def watch(app: web.Application) -> AsyncIterator[None]:
        await monitor.start()
        yield
        await monitor.stop()

    return watch


def _background(work: Callable[[], Coroutine[None, None, None]]) -> Callable[[web.Application], AsyncIterator[None]]:
    async def keep(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(work())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return keep
