"""Request pipeline: authenticate, authorize, rate-limit, validate, handle, respond."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from answerback.log import get_logger
from answerback.settings import Settings
from answerback.store.access.idempotency import REMEMBERED
from answerback.store.access.rate_limits import RateLimits
from answerback.store.chats.chats import Chats
from answerback.store.threads.threads import Threads

from ..problems import PREPARED, Problem, explained
from . import parsing
from .auth.address_limits import AddressLimits
from .auth.allowances import Allowances
from .auth.authenticator import Authenticator
from .auth.authorization import authorize
from .auth.origins import Origins
from .auth.ownership import check_owner
from .context import Principal, RequestContext
from .conversations.client_retries import Retries
from .conversations.waits import Wait, Waits
from .idempotency import IdempotencyMiddleware, digest_of
from .route import Route

log = get_logger(__name__)

HEADERS = web.RequestKey("headers", dict[str, str])


class Api:
    """The API of one ingress process: the routes, behind the checks that they declare."""

    def __init__(self, settings: Settings, threads: Threads, routes: Sequence[Route]) -> None:
        database = threads.database
        self.routes = routes
        self._chats = Chats(threads)
        self._read_timeout = settings.read_timeout
        self._address_limits = AddressLimits(settings)
        self.authenticator = Authenticator(settings, database, self._address_limits)
        self._origins = Origins(self.authenticator)
        limits = RateLimits(database, rate=settings.api_rate, burst=settings.api_burst)
        self._allowances = Allowances(limits)
        self._rates = limits
        self._policy = f'"default";q={limits.burst};w={max(1, math.ceil(limits.burst / limits.rate))}'
        self._idempotency = IdempotencyMiddleware(database)
        self.waits = Waits(self.authenticator.find)
        self._retries = Retries(database, settings.turn_timeout)

    def mount(self, app: web.Application) -> None:
        """Add the routes and their CORS preflight handlers to an application."""
        methods: dict[str, list[str]] = {}
        for route in self.routes:
            for path in route.paths:
                app.router.add_route(route.method, path, self._handler_of(route))
                methods.setdefault(path, []).append(route.method)
                if route.method == "GET":
                    # https://www.rfc-editor.org/rfc/rfc9110#name-head
                    app.router.add_route("HEAD", path, self._handler_of(route))
        for path, allowed in methods.items():
            app.router.add_route("OPTIONS", path, self._origins.preflight(allowed))
        app.on_response_prepare.append(_add_headers)

    async def admit(self, request: web.Request, route: Route) -> Principal:
        """Authenticate, authorize and rate-limit; return the caller. Raises `Problem`: 401, 403, 404, 429."""
        caller = await self.authenticator.find(request)
        authorize(caller, route, request)
        self._address_limits.count_request(request, caller)
        allowance = await self._allowances.spend(caller.id)
        # https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
        request[HEADERS]["RateLimit-Policy"] = self._policy
        request[HEADERS]["RateLimit"] = f'"default";r={allowance.left};t={_seconds(allowance.whole)}'
        if not allowance.passed:
            detail = f"rate limit: {self._rates.burst} requests at once, then {self._rates.rate:g} per second"
            raise Problem(429, detail, code="rate-limited", retry_after=max(1, _seconds(allowance.wait)))
        if route.user == "thread":
            await check_owner(self._chats, caller, request.match_info["id"])
        return caller

    def _handler_of(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            request[HEADERS] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
            try:
                request[HEADERS] |= await self._origins.headers(request)
                with self.waits.open(request) as wait:
                    return await self._respond(route, request, wait)
            except Exception as error:
                if request.get(PREPARED):
                    # The response has started: all that is left is to close the connection.
                    log.exception("stream failed", path=request.path)
                    if request.transport is not None:
                        request.transport.close()
                    raise ConnectionResetError from None
                return route.refuse(explained(error, request.path))

        return serve

    async def _respond(self, route: Route, request: web.Request, wait: Wait) -> web.StreamResponse:
        caller = NOBODY if route.scope is None else await self.admit(request, route)
        # A sign-in link is valid once: it cannot be checked again.
        wait.watched = route.scope is not None and caller.kind != "link"
        parsing.check_encoding(request)
        raw = b""
        if not route.raw and route.method not in ("GET", "DELETE"):
            raw = await parsing.read_body(request, route.limit, self._read_timeout)
        digest, has_key = digest_of(request, route, caller)
        retried = None if has_key else await self._retries.find(request, route, caller, raw)
        call = RequestContext(
            request=request,
            caller=caller,
            body=parsing.parse_body(request, raw, route.body) if route.body else None,
            query=parsing.parse_query(request, route.query) if route.query else None,
            path=dict(request.match_info),
            idempotency=retried or digest,
            repeatable_for=REMEMBERED if has_key else self._retries.seconds if retried else 0,
        )
        if has_key:
            return await self._idempotency.run_once(call, route, raw, route.handler)
        return await route.handler(call)


NOBODY = Principal(workspace="", key="", kind="", scopes=frozenset())
"""The caller of public routes."""


def _seconds(ms: int) -> int:
    return -(-ms // 1000)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    request[PREPARED] = True
    for name, value in request.get(HEADERS, {}).items():
        response.headers.setdefault(name, value)
