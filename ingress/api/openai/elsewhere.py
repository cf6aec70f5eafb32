"""Unsupported routes of OpenAI's API: return 404 and 405 in OpenAI's error format.

Of a problem+json error, OpenAI's clients show only the status ("Error code: 404").
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from aiohttp import web

from ...problems import Problem
from .refusal import refuse

_NAMES = (
    "responses|completions|embeddings|moderations|images|audio|files|uploads|batches|fine_tuning|assistants|threads|"
    "vector_stores|models|realtime|conversations|evals|containers|videos"
)
# Below /v1, everything except our agents; below /api/v1 and at the root, only OpenAI's names.
_THEIRS = re.compile(rf"/v1/(?!agents(/|$))|(/api/v1)?/({_NAMES}|chat/completions)(/|$)|/api/v1/v1/")


@web.middleware
async def elsewhere(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse an unsupported path or method of OpenAI's API."""
    unknown = request.match_info.http_exception
    if unknown is None or unknown.status not in (404, 405) or not _THEIRS.match(request.path):
        return await handler(request)
    detail = f"{request.method} {request.path[:200]} is not supported: use POST /v1/chat/completions or GET /v1/models"
    if "chat/completions" in request.path or "models" in request.path:
        detail += " (the base URL ends in /v1 or /api/v1)"
    allow = {"Allow": unknown.headers["Allow"]} if "Allow" in unknown.headers else {}
    return refuse(Problem(unknown.status, detail, headers=allow))
