"""Who calls: what a request shows, looked up in the store, and kept for a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

from aiohttp import web

from answerback.errors import StoreFull
from answerback.log import get_logger
from answerback.store import Database
from answerback.store.access.api_keys import ApiKey, ApiKeys, Scope
from answerback.store.access.credential import Credential
from answerback.store.access.session_tokens import SessionToken, SessionTokens
from answerback.store.access.sign_ins import LINK_PREFIX, SignIn, SignIns

from ...problems import Problem
from ..context import Principal
from . import session_cookie
from .address_limits import Strangers

log = get_logger(__name__)

KEPT = 1.0
"""Seconds for which a look into the store is good: so late a revocation may be noticed."""
NOTED = 60_000
"""ms between two notes of a key's last use."""
SIZE = 10_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TTLCache(Generic[K, V]):
    """Looks something up at most once in `KEPT` seconds for each key, however many ask for it at once."""

    def __init__(self, look: Callable[[K], Awaitable[V]]) -> None:
        self._look = look
        self._found: dict[K, tuple[float, asyncio.Task[V]]] = {}

    async def get(self, key: K) -> V:
        """What the look-up gives, or gave just now."""
        now = time.monotonic()
        till, task = self._found.get(key, (0.0, None))
        if task is None or till <= now:
            if len(self._found) >= SIZE:
                # Old ones are in front. Strangers who try ids must not fill our memory.
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
            # The next one asks again.
            self._found.pop(key, None)
            raise


class Authenticator:
    """The callers of one ingress process."""

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
        """The caller. Raises `Problem` (401, 403, 429): nobody without a good key is a caller."""
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
            raise _unknown("this needs an API key: send Authorization: Bearer ab_live_…")
        if kind.lower() != "bearer":
            raise _unknown("send the API key as Authorization: Bearer ab_live_…")
        if text.startswith(LINK_PREFIX):
            return await self._of_link(text.strip())
        shown = Credential.read(text.strip())
        if shown is None:
            raise _unknown("this is no API key: they look like ab_live_<id>_<secret>", given=True)
        caller = await (self._of_session(shown, request) if shown.kind == "ses" else self._of_key(shown, request))
        if caller is None:
            log.info("API key refused", id=shown.id, kind=shown.kind, remote=request.remote)
            raise _unknown("this key opens nothing: it is unknown, expired or revoked", given=True)
        return caller

    async def refusal(self, text: str, request: web.Request) -> Problem | None:
        """Why a publishable key opens nothing for the page that sent this request; None where it does.

        Raises `Problem` (429).
        """
        shown, credential = Credential.read(text.strip()), f"Bearer {text.strip()}"
        self._strangers.knock(request, credential)
        try:
            known = shown is not None and shown.kind == "pub" and await self._of_key(shown, request)
        except Problem as problem:
            return problem
        if known:
            return None
        self._strangers.was_wrong(request, credential)
        return Problem(401, "the key is unknown, expired or revoked", code="no-credential")

    async def allowed(self, origin: str) -> bool:
        """Whether any live publishable key is for this web origin."""
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
        # A page's own GET requests carry no Origin where page and API are of one origin.
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
            raise _unknown("this link was used already, or is too old: `answerback link` prints a new one", given=True)
        return Principal(workspace=workspace, key="dashboard", kind="link", scopes=frozenset(("admin",)))

    async def _of_cookie(self, secret: str, request: web.Request) -> Principal:
        session_cookie.check(request, secret)
        found = await self._sign_in.get(secret)
        key = await self._key.get(found.key) if found and found.key else None
        # Whoever signed in with a key is signed in for as long as it is good.
        if found is None or (found.key and (key is None or key.state != "live")):
            raise _unknown("you are not signed in any more")
        scopes: frozenset[Scope] = frozenset(("admin",))
        return Principal(workspace=found.workspace, key=found.key or "dashboard", kind="live", scopes=scopes)

    async def _note(self, key: ApiKey) -> None:
        if key.read - max(key.last_used, self._noted.get(key.id, 0)) < NOTED:
            return
        self._noted[key.id] = key.read
        with suppress(StoreFull):
            await self._keys.touch(key)


def _check_origin(key: ApiKey, request: web.Request, *, required: bool) -> None:
    origin = request.headers.get("Origin")
    if key.kind == "pub" and (required if origin is None else origin.lower() not in key.origins):
        detail = "a publishable key is for the web pages it was made for, and is shown with their Origin"
        raise Problem(403, detail, code="wrong-origin")


def _unknown(detail: str, *, given: bool = False) -> Problem:
    # https://www.rfc-editor.org/rfc/rfc6750#section-3: no error code where no token was sent.
    challenge = 'Bearer realm="answerback"' + (', error="invalid_token"' if given else "")
    return Problem(401, detail, code="no-credential", headers={"WWW-Authenticate": challenge})
