"""The aiohttp application: all routes outside the API, which lists its own in `api/routes/routes.py`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import cast

from aiohttp import web, web_response

from answerback.http.monitor import Metrics as MetricsRoute
from answerback.http.monitor import Monitor
from answerback.settings import Settings
from answerback.store.stream.followers import Live
from answerback.store.threads.threads import Threads

from .api.conversations.conversation import Conversation
from .api.openai.elsewhere import elsewhere
from .api.pipeline import Api
from .api.routes.routes import routes
from .api.routes.widget import KeyCheck
from .api.sse import Streams
from .connections import Connection
from .health import Health
from .mcp.endpoint import Mcp
from .metrics import Metrics
from .pages.pages import pages
from .problems import explained, problems, rendered
from .request_id import identified, show
from .stopping import Stopping
from .webhooks import Webhooks

# The default `Server` header names the versions of Python and aiohttp. aiohttp has no other way to change it.
vars(web_response)["SERVER_SOFTWARE"] = "Answerback"

STOPPING = web.AppKey("stopping", Stopping)
"""The graceful shutdown of the process."""


def application(settings: Settings, threads: Threads, webhooks: Webhooks) -> web.Application:
    """Return the aiohttp application of one ingress process, which stores events in `threads`."""
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else ""
    health, metrics = Health(threads), MetricsRoute(Metrics(threads).collect, token)

    app = web.Application(middlewares=[identified, elsewhere, problems], client_max_size=settings.body_limit)
    app.add_routes(
        [
            *(web.post(path, webhooks.post) for path in webhooks.paths),
            web.get("/health/live", health.live),
            web.get("/health/ready", health.ready),
            *([] if settings.metrics_port else [web.get("/metrics", metrics.get)]),
            *pages(),
        ]
    )
    app.on_response_prepare.append(show)
    live, streams = Live(threads), Streams(settings.heartbeat)
    conversation = Conversation(threads, live)
    mcp = Mcp(conversation, settings.read_timeout)
    api = Api(settings, threads.database, [*routes(settings, conversation, streams), *mcp.routes()])
    api.mount(app)
    app.router.add_post("/widget/check", KeyCheck(api.callers, settings.read_timeout).post)
    app[STOPPING] = Stopping(settings, health, api.waits, mcp.close)
    app.cleanup_ctx.extend((_background(live.keep), _background(api.waits.watch)))
    app.on_cleanup.append(mcp.stop)
    if settings.metrics_port:
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


def fast_lane(server: web.Server, webhooks: Webhooks) -> None:
    """Track the request of each connection, and dispatch webhooks past the router and the middlewares.

    Routing and middlewares cost as much time as verifying a signature. All other requests, including those with a
    wrong webhook path or method, go through the application.
    """
    application = server.request_handler

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        connection = cast(Connection, request.protocol)
        connection.request, connection.began = request, connection.door.now()
        try:
            webhook = request.method == "POST" and request.path in webhooks.paths
            response = await (webhooks.post(request) if webhook else application(request))
            if connection.door.closing:
                response.force_close()
            return response
        except web.HTTPExpectationFailed as error:  # raised before any middleware runs
            return rendered(explained(error, request.path))
        finally:
            connection.request, connection.began, connection.rested = None, 0.0, connection.door.now()

    server.request_handler = handle
