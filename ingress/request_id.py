"""An id for each request: in its answer, in what is logged of it, and in a problem, so that they are found together."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from aiohttp import web
from structlog.contextvars import bound_contextvars

HEADER = "X-Request-Id"

ID = web.RequestKey("request_id", str)

current: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is answered here; "" where there is none."""


@web.middleware
async def identified(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Gives a request its id. The outermost of all: whatever refuses it, it has one."""
    id = request[ID] = f"req_{secrets.token_hex(12)}"
    token = current.set(id)
    try:
        with bound_contextvars(request=id):
            return await handler(request)
    finally:
        current.reset(token)


async def show(request: web.Request, response: web.StreamResponse) -> None:
    """Tell the id with the answer, whatever task gives it."""
    if id := request.get(ID):
        response.headers[HEADER] = id
