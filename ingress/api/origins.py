"""Web pages that may call (CORS): those at an origin of a live publishable key. There is no "every origin"."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from multidict import CIMultiDict

from ..problems import Problem, explained, rendered
from .callers import Callers

ALLOWED = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
EXPOSED = "Location, Retry-After, RateLimit, RateLimit-Policy, Idempotent-Replayed, WWW-Authenticate"
HOUR = 3600


class Origins:
    """What is said to browsers. Never a credential of theirs is asked for: only what a page sends itself."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def headers(self, request: web.Request) -> dict[str, str]:
        """What an answer to this request says, so that the page may read it."""
        origin = request.headers.get("Origin")
        if origin is None or not await self._callers.allowed(origin):
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": EXPOSED,
        }

    def preflight(self, methods: Sequence[str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Answers what a browser asks before it calls a path that has these methods."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                if "Access-Control-Request-Method" not in request.headers:
                    raise web.HTTPMethodNotAllowed("OPTIONS", methods)
                headers = await self.headers(request)
                if "Access-Control-Allow-Origin" not in headers:
                    refusal = Problem(403, "no publishable key is for this origin", code="wrong-origin")
                    refusal.headers |= headers
                    raise refusal
            except Exception as error:  # noqa: BLE001  # logged by `explained`
                return rendered(explained(error, request.path))
            headers |= {
                "Access-Control-Allow-Methods": ", ".join(methods),
                "Access-Control-Allow-Headers": ALLOWED,
                "Access-Control-Max-Age": str(HOUR),
            }
            return web.Response(status=204, headers=CIMultiDict(headers))

        return answer
