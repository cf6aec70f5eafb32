"""Authentication: look up the credential of a request in the store, and cache the result for a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

from aiohttp import web

from answerback.errors import StoreFull
from answerback.log import get_logger
from answerback.store.access.api_keys import ApiKey, ApiKeys, Scope
from answerback.store.access.credential import Credential
from answerback.store.access.session_tokens import SessionToken, SessionTokens
from answerback.store.access.sign_ins import LINK_PREFIX, SignIn, SignIns
from answerback.store.redis import Database

from ...problems import Problem
from ..context import Principal
from . import session_cookie
from .address_limits import Strangers

log = get_logger(__name__)

KEPT = 1.0
"""Seconds for which a lookup is cached, and thus the longest delay of a revocation."""
NOTED = 60_000
"""ms between two updates of a key's last use."""
SIZE = 10_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TTLCache(Generic[K, V]):
    """Cache lookups for `KEPT` seconds per key. Concurrent callers share one lookup."""

    def __init__(self, look: Callable[[K], Awaitable[V]]) -> None:
        self._look = look
        self._found: dict[K, tuple[float, asyncio.Task[V]]] = {}

    async def get(self, key: K) -> V:
        """Return the cached value, or look it up."""
        now = time.monotonic()
        till, task = self._found.get(key, (0.0, None))
        if task is None or till <= now:
            if len(self._found) >= SIZE:
                # The oldest come first. Guessed ids must not fill the memory.
                for old in list(self._found)[: SIZE // 2]:
                    del self._found[old]
            task = asyncio.create_task(self._ask(key))
            self._found.pop(key, None)
            self._found[key] = (now + KEPT, task)
        return await asyncio.shield(task)

    async def _ask(self, key: K) -> V:
        try:
            return await self._look(key)
        except BaseException:
            # Do not cache failures.
            self._found.pop(key, None)
            raise


class Authenticator:
    """Authenticate the callers of one ingress process."""

    def __init__(self, database: Database, strangers: Strangers) -> None:
        self._strangers = strangers
        self._keys = ApiKeys(database)
        self._key: TTLCache[str, ApiKey | None] = TTLCache(self._keys.get)
        self._token: TTLCache[str, SessionToken | None] = TTLCache(SessionTokens(database).get)
        self._allowing: TTLCache[str, list[ApiKey]] = TTLCache(self._keys.allowing)
        self._sign_ins = SignIns(database)
        self._sign_in: TTLCache[str, SignIn | None] = TTLCache(self._sign_ins.get)
        self._noted: dict[str, int] = {}

    async def find(self, request: web.Request) -> Principal:
        """Return the caller of a request. Raises `Problem` (401, 403, 429)."""
        shown = request.headers.get("Authorization") or request.cookies.get(session_cookie.COOKIE, "")
        self._strangers.knock(request, shown)
        try:
            caller = await self._find(request)
        except Problem as refusal:
            if refusal.status == 401 and shown:
                self._strangers.was_wrong(request, shown)
            raise
        self._strangers.came_in(shown)
        return caller

    async def _find(self, request: web.Request) -> Principal:
        secret = request.cookies.get(session_cookie.COOKIE, "")
        if secret and "Authorization" not in request.headers:
            return await self._of_cookie(secret, request)
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        if not text:
            raise _unknown("an API key is required: send Authorization: Bearer ab_live_…")
        if kind.lower() != "bearer":
            raise _unknown("send the API key as Authorization: Bearer ab_live_…")
        if text.startswith(LINK_PREFIX):
            return await self._of_link(text.strip())
        shown = Credential.read(text.strip())
        if shown is None:
            raise _unknown("malformed API key: keys look like ab_live_<id>_<secret>", given=True)
        caller = await (self._of_session(shown, request) if shown.kind == "ses" else self._of_key(shown, request))
        if caller is None:
            log.info("API key refused", id=shown.id, kind=shown.kind, remote=request.remote)
            raise _unknown("invalid API key: unknown, expired or revoked", given=True)
        return caller

    async def refusal(self, text: str, request: web.Request) -> Problem | None:
        """Return why the page that sent this request cannot use a publishable key; None if it can.

        Raises `Problem` (429).
        """
        shown, credential = Credential.read(text.strip()), f"Bearer {text.strip()}"
        self._strangers.knock(request, credential)
        try:
            usable = shown is not None and shown.kind == "pub" and await self._of_key(shown, request)
        except Problem as problem:
            return problem
        if usable:
            return None
        self._strangers.was_wrong(request, credential)
        return Problem(401, "invalid API key: unknown, expired or revoked", code="no-credential")

    async def allowed(self, origin: str) -> bool:
        """Return whether any live publishable key allows this web origin."""
        return len(origin) < 300 and origin.isascii() and bool(await self._allowing.get(origin.lower()))

    async def _of_key(self, shown: Credential, request: web.Request) -> Principal | None:
        key = await self._key.get(shown.id)
        if key is None or not key.accepts(shown):
            return None
        _check_origin(key, request, required=True)
        await self._note(key)
        return Principal(workspace=key.workspace, key=key.id, kind=key.kind, scopes=frozenset(key.scopes))

    async def _of_session(self, shown: Credential, request: web.Request) -> Principal | None:
        token = await self._token.get(shown.id)
        if token is None or not token.accepts(shown):
            return None
        key = await self._key.get(token.key)
        if key is None or key.state != "live":
            return None
        # Same-origin GET requests have no Origin header.
        _check_origin(key, request, required=False)
        await self._note(key)
        return Principal(
            workspace=token.workspace,
            key=key.id,
            kind="ses",
            scopes=frozenset(("chat:read", "chat:write")),
            session=token.thread,
        )

    async def _of_link(self, text: str) -> Principal:
        workspace = await self._sign_ins.redeem(text)
        if workspace is None:
            detail = "this sign-in link was used or has expired; run `answerback link` for a new one"
            raise _unknown(detail, given=True)
        return Principal(workspace=workspace, key="dashboard", kind="link", scopes=frozenset(("admin",)))

    async def _of_cookie(self, secret: str, request: web.Request) -> Principal:
        session_cookie.check(request, secret)
        sign_in = await self._sign_in.get(secret)
        key = await self._key.get(sign_in.key) if sign_in and sign_in.key else None
        # A sign-in with a key ends with the key.
        if sign_in is None or (sign_in.key and (key is None or key.state != "live")):
            raise _unknown("you are no longer signed in")
        scopes: frozenset[Scope] = frozenset(("admin",))
        return Principal(workspace=sign_in.workspace, key=sign_in.key or "dashboard", kind="live", scopes=scopes)

    async def _note(self, key: ApiKey) -> None:
        if key.read - max(key.last_used, self._noted.get(key.id, 0)) < NOTED:
            return
        self._noted[key.id] = key.read
        with suppress(StoreFull):
            await self._keys.touch(key)


def _check_origin(key: ApiKey, request: web.Request, *, required: bool) -> None:
    origin = request.headers.get("Origin")
    if key.kind == "pub" and (required if origin is None else origin.lower() not in key.origins):
        detail = "this publishable key works only from web pages at its origins"
        raise Problem(403, detail, code="wrong-origin")


def _unknown(detail: str, *, given: bool = False) -> Problem:
    # https://www.rfc-editor.org/rfc/rfc6750#section-3: no error code where no token was sent.
    challenge = 'Bearer realm="answerback"' + (', error="invalid_token"' if given else "")
    return Problem(401, detail, code="no-credential", headers={"WWW-Authenticate": challenge})
