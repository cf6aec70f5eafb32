"""`Idempotency-Key`: a POST that is sent again gets the answer it got."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from hashlib import sha256

from aiohttp import web

from answerback.errors import StoreFull, StoreUnavailable
from answerback.store import Database
from answerback.store.access.idempotency import RUNNING, Conflict, Idempotency, StoredResponse

from ..problems import FieldError, Problem
from .context import Principal, RequestContext
from .route import Route

HEADER = "Idempotency-Key"
LONGEST = 255
KEPT_HEADERS = ("Content-Type", "Location")


def named(request: web.Request, route: Route, caller: Principal) -> tuple[str, bool]:
    """What the call is known by, and whether it may come again. Raises `Problem`: 400."""
    name = request.headers.get(HEADER)
    # All visitors of a page share its publishable key: what one of them names is not another's to ask for.
    if route.method != "POST" or route.raw or route.scope is None or caller.kind == "pub" or name is None:
        return secrets.token_hex(32), False
    if not 0 < len(name) <= LONGEST or not name.isascii() or not name.isprintable():
        place = FieldError(where="header", at=HEADER, detail=f"1 to {LONGEST} printable ASCII characters")
        raise Problem(400, f"{HEADER} has 1 to {LONGEST} printable ASCII characters", code="invalid", errors=[place])
    return sha256(f"{caller.workspace}\n{caller.id}\n{name}".encode()).hexdigest(), True


class IdempotencyMiddleware:
    """The POSTs that name themselves."""

    def __init__(self, database: Database) -> None:
        self._store = Idempotency(database)

    async def once(
        self,
        call: RequestContext,
        route: Route,
        raw: bytes,
        handler: Callable[[RequestContext], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Answer a call that named itself. Raises `Problem`: 409."""
        address = f"{route.method} {call.request.rel_url.raw_path_qs}"
        prints = sha256(address.encode()).hexdigest(), sha256(raw).hexdigest()
        alone = route.repeated == "answer"
        begun = await self._store.begin(call.idempotency, *prints, alone=alone)
        match begun:
            case StoredResponse(status, headers, body):
                return web.Response(status=status, body=body, headers={**headers, "Idempotent-Replayed": "true"})
            case Conflict("running", wait):
                detail = f"a request with this {HEADER} is being worked on"
                # It is seldom so long; `wait` is when its process must have died.
                raise Problem(409, detail, code="still-running", retry_after=min(2, -(-wait // 1000)))
            case Conflict(reason, _):
                raise Problem(409, f"this {HEADER} was used before, for {reason}", code="idempotency-key")
            case owner:
                return await handler(call) if not alone else await self._alone(call, owner, handler)

    async def _alone(
        self, call: RequestContext, owner: str, handler: Callable[[RequestContext], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        kept: StoredResponse | None = None
        try:
            async with asyncio.timeout(RUNNING * 0.9):
                response = await handler(call)
            # A refusal is not kept: nothing was done.
            if isinstance(response, web.Response) and response.status < 400:
                body = response.body if isinstance(response.body, bytes) else b""
                headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
                kept = StoredResponse(response.status, headers, body)
            return response
        except TimeoutError:
            raise Problem(503, "this took too long, try again", retry_after=5) from None
        finally:
            # A caller who left does not take the answer with him; and what was done is done, kept or not.
            await asyncio.shield(asyncio.create_task(self._finish(call.idempotency, owner, kept)))

    async def _finish(self, digest: str, owner: str, kept: StoredResponse | None) -> None:
        try:
            await self._store.finish(digest, owner, kept)
        except (StoreUnavailable, StoreFull):
            # Then it may be worked on again once its time is over; its handler does nothing twice.
            pass
