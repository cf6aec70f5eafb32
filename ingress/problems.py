"""Errors as RFC 9457 problem details, whatever raised them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from answerback.errors import StoreFull, StoreUnavailable
from answerback.log import get_logger

log = get_logger(__name__)


def problem(status: int, detail: str = "", *, retry_after: int | None = None) -> web.Response:
    """A problem+json response. `retry_after` is in seconds."""
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    body = {"title": HTTPStatus(status).phrase, "status": status} | ({"detail": detail} if detail else {})
    return web.Response(status=status, text=json.dumps(body), content_type="application/problem+json", headers=headers)


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turns what a route raises into a problem. A mistake of ours is "try again", never a bare 500."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = problem(error.status, error.text if error.text and ":" not in error.text[:4] else "")
        for name in ("Allow",):
            if name in error.headers:
                response.headers[name] = error.headers[name]
        return response
    except (StoreUnavailable, StoreFull) as error:
        log.error("Redis is away", path=request.path, error=str(error))
        return problem(503, "cannot reach the store now, try again", retry_after=2)
    except Exception:
        log.exception("a route failed", path=request.path)
        return problem(503, "something went wrong here, try again", retry_after=5)
