"""CORS: allow web pages at the origins of live publishable keys. There is no wildcard origin."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from multidict import CIMultiDict

from ...problems import Problem, explained, rendered
from .authenticator import Authenticator

ALLOWED = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID")
EXPOSED = (
    "Location, Retry-After, RateLimit, RateLimit-Policy, Idempotent-Replayed, WWW-Authenticate, X-Request-Id, "
    "X-Should-Retry"
)
HOUR = 3600
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
MOST = 100
"""The most headers that a page may request in one preflight."""


class Origins:
    """CORS headers and preflight responses. Credentials are never allowed: a page sends its key itself."""

    def __init__(self, callers: Authenticator) -> None:
        self._callers = callers

    async def headers(self, request: web.Request) -> dict[str, str]:
        """Return the CORS headers of the response to a request."""
        origin = request.headers.get("Origin")
        if origin is None or not await self._callers.allowed(origin):
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": EXPOSED,
        }

    def preflight(self, methods: Sequence[str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return the preflight handler of a path with these methods."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                if "Access-Control-Request-Method" not in request.headers:
                    raise web.HTTPMethodNotAllowed("OPTIONS", methods)
                headers = await self.headers(request)
                if "Access-Control-Allow-Origin" not in headers:
                    refusal = Problem(403, "no publishable key allows this origin", code="wrong-origin")
                    refusal.headers |= headers
                    raise refusal
            except Exception as error:  # noqa: BLE001  # logged by `explained`
                return rendered(explained(error, request.path))
            headers |= {
                "Vary": "Origin, Access-Control-Request-Headers",
                "Access-Control-Allow-Methods": ", ".join(methods),
                "Access-Control-Allow-Headers": ", ".join((*ALLOWED, *_wanted(request))),
                "Access-Control-Max-Age": str(HOUR),
            }
            return web.Response(status=204, headers=CIMultiDict(headers))

        return answer


def _wanted(request: web.Request) -> list[str]:
    """Return the other headers that a page wants to send. An allowed page may send any header.

    OpenAI's browser client sends about a dozen of its own (x-stainless-…), and new versions add more.
    """
    always = {name.lower() for name in ALLOWED}
    names = [name.strip() for name in request.headers.get("Access-Control-Request-Headers", "").split(",")]
    return [name for name in names[:MOST] if _TOKEN.fullmatch(name) and name.lower() not in always]
