"""Web pages that may call (CORS): those at an origin of a live publishable key. There is no "every origin"."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from multidict import CIMultiDict

from ...problems import Problem, explained, rendered
from .callers import Authenticator

ALLOWED = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID")
EXPOSED = (
    "Location, Retry-After, RateLimit, RateLimit-Policy, Idempotent-Replayed, WWW-Authenticate, X-Request-Id, "
    "X-Should-Retry"
)
HOUR = 3600
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
MOST = 100
"""Headers that a page may name in one request."""


class Origins:
    """What is said to browsers. Never a credential of theirs is asked for: only what a page sends itself."""

    def __init__(self, callers: Authenticator) -> None:
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
                "Vary": "Origin, Access-Control-Request-Headers",
                "Access-Control-Allow-Methods": ", ".join(methods),
                "Access-Control-Allow-Headers": ", ".join((*ALLOWED, *_wanted(request))),
                "Access-Control-Max-Age": str(HOUR),
            }
            return web.Response(status=204, headers=CIMultiDict(headers))

        return answer


def _wanted(request: web.Request) -> list[str]:
    """The other headers that a page wants to send: a page that may call may say what it likes.

    OpenAI's client for browsers sends a dozen of its own, x-stainless-…, and each version adds some.
    """
    known = {name.lower() for name in ALLOWED}
    names = [name.strip() for name in request.headers.get("Access-Control-Request-Headers", "").split(",")]
    return [name for name in names[:MOST] if _TOKEN.fullmatch(name) and name.lower() not in known]
