"""`Idempotency-Key`: a repeated POST gets the stored response."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from hashlib import sha256

from aiohttp import web

from answerback.errors import StoreFull, StoreUnavailable
from answerback.store.access.idempotency import RUNNING, Conflict, Idempotency, StoredResponse
from answerback.store.redis import Database

from ..problems import FieldError, Problem
from .context import Principal, RequestContext
from .route import Route

HEADER = "Idempotency-Key"
LONGEST = 255
STORED_HEADERS = ("Content-Type", "Location")


def digest_of(request: web.Request, route: Route, caller: Principal) -> tuple[str, bool]:
    """Return the digest that identifies the request, and whether the client may repeat it. Raises `Problem`: 400."""
    name = request.headers.get(HEADER)
    # All visitors of a page share its publishable key: one must not get another's response.
    if route.method != "POST" or route.raw or route.scope is None or caller.kind == "pub" or name is None:
        return secrets.token_hex(32), False
    if not 0 < len(name) <= LONGEST or not name.isascii() or not name.isprintable():
        place = FieldError(where="header", at=HEADER, detail=f"must be 1 to {LONGEST} printable ASCII characters")
        detail = f"{HEADER} must be 1 to {LONGEST} printable ASCII characters"
        raise Problem(400, detail, code="invalid", errors=[place])
    return sha256(f"{caller.workspace}\n{caller.id}\n{name}".encode()).hexdigest(), True


class IdempotencyMiddleware:
    """Run a POST with an Idempotency-Key at most once, and replay its stored response."""

    def __init__(self, database: Database) -> None:
        self._store = Idempotency(database)

    async def run_once(
        self,
        call: RequestContext,
        route: Route,
        raw: bytes,
        handler: Callable[[RequestContext], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Handle a request with an Idempotency-Key. Raises `Problem`: 409."""
        address = f"{route.method} {call.request.rel_url.raw_path_qs}"
        fingerprints = sha256(address.encode()).hexdigest(), sha256(raw).hexdigest()
        exclusive = route.repeated == "response"
        reservation = await self._store.begin(call.idempotency, *fingerprints, alone=exclusive)
        match reservation:
            case StoredResponse(status, headers, body):
                return web.Response(status=status, body=body, headers={**headers, "Idempotent-Replayed": "true"})
            case Conflict("running", wait):
                detail = f"a request with this {HEADER} is still running"
                # It rarely takes longer; `wait` is the time until its process counts as dead.
                raise Problem(409, detail, code="still-running", retry_after=min(2, -(-wait // 1000)))
            case Conflict(reason, _):
                raise Problem(409, f"this {HEADER} was already used for {reason}", code="idempotency-key")
            case owner:
                return await handler(call) if not exclusive else await self._run_exclusively(call, owner, handler)

    async def _run_exclusively(
        self, call: RequestContext, owner: str, handler: Callable[[RequestContext], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        stored: StoredResponse | None = None
        try:
            async with asyncio.timeout(RUNNING * 0.9):
                response = await handler(call)
            # An error response is not stored: nothing was done.
            if isinstance(response, web.Response) and response.status < 400:
                body = response.body if isinstance(response.body, bytes) else b""
                headers = {name: response.headers[name] for name in STORED_HEADERS if name in response.headers}
                stored = StoredResponse(response.status, headers, body)
            return response
        except TimeoutError:
            raise Problem(503, "the request took too long; try again later", retry_after=5) from None
        finally:
            # Store the response even when the client has disconnected.
            await asyncio.shield(asyncio.create_task(self._finish(call.idempotency, owner, stored)))

    async def _finish(self, digest: str, owner: str, stored: StoredResponse | None) -> None:
        try:
            await self._store.finish(digest, owner, stored)
        except (StoreUnavailable, StoreFull):
            # It may run again once its lock has expired; the handler does nothing twice.
            pass
