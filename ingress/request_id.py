"""A request id in the response header, the log and problem documents, so that they can be correlated."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import cache

from aiohttp import web
from structlog.contextvars import bind_contextvars, reset_contextvars

from answerback import tracing

from .metrics import REQUESTS

HEADER = "X-Request-Id"

ID = web.RequestKey("request_id", str)

current: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the current request; "" outside one."""


counter = cache(lambda status: REQUESTS.labels(str(status)))


@web.middleware
async def identified(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Assign the request id. The outermost middleware, so that every response has one."""
    id = request[ID] = f"req_{secrets.token_hex(12)}"
    token, bound = current.set(id), bind_contextvars(request=id)
    try:
        response = await _traced(request, handler)
        counter(response.status).inc()
        return response
    finally:
        reset_contextvars(**bound)
        current.reset(token)


async def _traced(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Trace a request that may change something."""
    if tracing.current is None or request.method in ("GET", "HEAD", "OPTIONS"):
        return await handler(request)
    resource = request.match_info.route.resource
    route = resource.canonical if resource else ""
    with tracing.current.server(request.method, route, request.headers) as respond:
        response = await handler(request)
        respond(response.status)
        return response


async def show(request: web.Request, response: web.StreamResponse) -> None:
    """Set the request id header on a response."""
    if id := request.get(ID):
        response.headers[HEADER] = id
