"""The way of every call: who calls, may he, how often, what does he bring; then its handler; then its answer."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from answerback.log import get_logger
from answerback.settings import Settings
from answerback.store import Database
from answerback.store.access.idempotency import REMEMBERED
from answerback.store.access.rate_limits import RateLimits

from ..problems import PREPARED, Problem, explained
from . import parsing as body
from .auth.address_limits import Strangers
from .auth.callers import Authenticator
from .auth.origins import Origins
from .context import Principal, RequestContext
from .conversations.client_retries import Retries
from .conversations.waits import Wait, Waits
from .idempotency import IdempotencyMiddleware, named
from .route import Route
from .sse import TYPE

log = get_logger(__name__)

HEADERS = web.RequestKey("headers", dict[str, str])


class Api:
    """The API of one ingress process: `routes` behind the checks that they declare."""

    def __init__(self, settings: Settings, database: Database, routes: Sequence[Route]) -> None:
        self.routes = routes
        self._read_timeout = settings.read_timeout
        self._strangers = Strangers(settings)
        self.callers = Authenticator(database, self._strangers)
        self._origins = Origins(self.callers)
        self._rates = RateLimits(database, rate=settings.api_rate, burst=settings.api_burst)
        self._repeats = IdempotencyMiddleware(database)
        self.waits = Waits(self.callers.find)
        self._retries = Retries(database, settings.turn_timeout)

    def mount(self, app: web.Application) -> None:
        """Add the routes to an application, and the answers to what a browser asks before it calls them."""
        methods: dict[str, list[str]] = {}
        for route in self.routes:
            for path in route.paths:
                app.router.add_route(route.method, path, self._served(route))
                methods.setdefault(path, []).append(route.method)
                if route.method == "GET":
                    # https://www.rfc-editor.org/rfc/rfc9110#name-head
                    app.router.add_route("HEAD", path, self._served(route))
        for path, allowed in methods.items():
            app.router.add_route("OPTIONS", path, self._origins.preflight(allowed))
        app.on_response_prepare.append(_complete)

    async def admit(self, request: web.Request, route: Route) -> Principal:
        """The caller, if he may call this route, and now. Raises `Problem`: 401, 403, 404, 429."""
        caller = await self.callers.find(request)
        _check(caller, route, request)
        self._strangers.visit(request, caller)
        allowance = await self._rates.spend(caller.id)
        policy = f'"default";q={self._rates.burst};w={max(1, math.ceil(self._rates.burst / self._rates.rate))}'
        # https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
        request[HEADERS]["RateLimit-Policy"] = policy
        request[HEADERS]["RateLimit"] = f'"default";r={allowance.left};t={_seconds(allowance.whole)}'
        if not allowance.passed:
            detail = f"{self._rates.burst} requests at once, and {self._rates.rate:g} a second after that"
            raise Problem(429, detail, code="rate-limited", retry_after=max(1, _seconds(allowance.wait)))
        return caller

    def _served(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            request[HEADERS] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
            try:
                request[HEADERS] |= await self._origins.headers(request)
                with self.waits.open(request) as wait:
                    return await self._answer(route, request, wait)
            except Exception as error:
                if request.get(PREPARED):
                    # Half an answer is out: all that is left is to let the connection break.
                    log.exception("a stream failed", path=request.path)
                    if request.transport is not None:
                        request.transport.close()
                    raise ConnectionResetError from None
                return route.refuse(explained(error, request.path))

        return serve

    async def _answer(self, route: Route, request: web.Request, wait: Wait) -> web.StreamResponse:
        caller = NOBODY if route.scope is None else await self.admit(request, route)
        # What a link shows is good once: it cannot be looked at again.
        wait.watched = route.scope is not None and caller.kind != "link"
        body.encodable(request)
        raw = b""
        if not route.raw and route.method not in ("GET", "DELETE"):
            raw = await body.read(request, route.limit, self._read_timeout)
        known, again = named(request, route, caller)
        retried = None if again else await self._retries.find(request, route, caller, raw)
        call = RequestContext(
            request=request,
            caller=caller,
            body=body.parsed(request, raw, route.body) if route.body else None,
            query=body.queried(request, route.query) if route.query else None,
            path=dict(request.match_info),
            idempotency=retried or known,
            again=REMEMBERED if again else self._retries.seconds if retried else 0,
        )
        if request.method == "HEAD" and route.streams == TYPE:
            # It would never end.
            return web.Response(content_type=TYPE)
        if again:
            return await self._repeats.once(call, route, raw, route.handler)
        return await route.handler(call)


NOBODY = Principal(workspace="", key="", kind="", scopes=frozenset())
"""The caller of a public route."""


def _check(caller: Principal, route: Route, request: web.Request) -> None:
    scope = route.scope
    if caller.kind == "pub":
        if not route.publishable:
            raise Problem(403, "a publishable key opens sessions, and nothing else", code="not-for-this-key")
    elif caller.kind == "ses":
        if not route.session:
            raise Problem(403, "a session's token opens its session, and nothing else", code="not-for-this-key")
        if request.match_info[route.session] != caller.session:
            raise Problem(404, "there is no such session")
    elif caller.kind == "link" and not route.link:
        raise Problem(403, "a link signs in, and does nothing else", code="not-for-this-key")
    elif scope is not None and scope != "any" and not caller.may(scope):
        challenge = f'Bearer realm="answerback", error="insufficient_scope", scope="{scope}"'
        detail = f"this needs a key with the scope {scope}"
        raise Problem(403, detail, code="missing-scope", headers={"WWW-Authenticate": challenge})


def _seconds(ms: int) -> int:
    return -(-ms // 1000)


async def _complete(request: web.Request, response: web.StreamResponse) -> None:
    request[PREPARED] = True
    for name, value in request.get(HEADERS, {}).items():
        response.headers.setdefault(name, value)
