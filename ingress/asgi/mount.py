"""An ASGI application that serves a part of ingress inside another application."""

from __future__ import annotations

import inspect
from urllib.parse import quote

from aiohttp import web

from answerback.asgi import Authenticate
from answerback.errors import AnswerbackError, ConfigurationError
from answerback.log import get_logger

from ..api.auth.host import HOST_CALLER, principal
from ..problems import problem
from ..running import Running
from .connection import respond
from .exchange import Exchange
from .lifetime import Services
from .paths import local_path, root_of
from .types import Receive, Scope, Send

log = get_logger(__name__)


class Mount:
    """A part of ingress.

    Args:
        services: What runs behind it.
        prefix: The percent-encoded path in ingress that is served.
        parts: The beginnings of the paths below it that are served.
        authenticate: Returns who sends a request, as the host application knows them.
    """

    def __init__(
        self,
        services: Services,
        *,
        prefix: str = "",
        parts: tuple[str, ...] = ("/",),
        authenticate: Authenticate | None = None,
    ) -> None:
        self._services = services
        self._prefix = prefix
        self._parts = parts
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the lifespan of the process if this is the outermost application."""
        match scope["type"]:
            case "http":
                await self._handle(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1000, "reason": "there are no WebSockets here"})
            case kind:
                raise ValueError(f"a mount cannot handle ASGI's {kind!r}")

    async def start(self) -> None:
        """Connect to Redis now, not with the first request. Raises `ConfigurationError`."""
        await self._services.start()

    async def stop(self) -> None:
        """End open requests and close the connections. The next request starts again."""
        await self._services.stop()

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, root=root_of(scope), prefix=self._prefix)
        path = local_path(scope)
        try:
            services = await self._services.start()
        except ConfigurationError as error:
            log.error("mount cannot start", error=str(error))
            await exchange.refuse(problem(503, "the service is misconfigured; see the log", retry_after=5))
            return
        if not path.startswith(self._parts):
            await exchange.refuse(problem(404))
            return
        request = exchange.request(services.server, f"{self._prefix}{path}")
        await exchange.run(request, lambda request: self._respond(services, scope, request))

    async def _respond(self, services: Running, scope: Scope, request: web.BaseRequest) -> web.StreamResponse:
        # As in an ingress process, webhooks do not pass the router.
        if (request.method, request.path) in services.webhooks.routes:
            return await services.webhooks.handle(request)
        if self._authenticate is not None:
            caller = self._authenticate(scope)
            if inspect.isawaitable(caller):
                caller = await caller
            if caller is not None:
                request[HOST_CALLER] = principal(caller)
        return await respond(services.server, request)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self.start()
                except AnswerbackError as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


def quoted(name: str) -> str:
    """Return a name as one percent-encoded step of a path."""
    return quote(name, safe="")
