"""Authentication: look up the credential of a request in the store; each lookup is cached for a second."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import web

from answerback.errors import StoreFull
from answerback.log import get_logger
from answerback.settings import Settings
from answerback.store.access.api_keys import ApiKey, ApiKeys, Scope
from answerback.store.access.credential import Credential
from answerback.store.access.session_tokens import SessionToken, SessionTokens
from answerback.store.access.sign_ins import LINK_PREFIX, SignIn, SignIns
from answerback.store.access.user_tokens import UserToken, UserTokens
from answerback.store.redis import Database

from ...problems import Problem
from ..context import Principal
from ..ttl_cache import TTLCache
from . import session_cookie
from .address_limits import REMEMBERED, AddressLimits
from .host import HOST_CALLER
from .user_jwt import InvalidJwt, UserJwts

log = get_logger(__name__)

CHAT: frozenset[Scope] = frozenset(("chat:read", "chat:write"))
TOUCH_INTERVAL = 60_000
"""ms between two updates of a key's last use."""


class Authenticator:
    """Authenticate the callers of one ingress process."""

    def __init__(self, settings: Settings, database: Database, address_limits: AddressLimits) -> None:
        self._address_limits = address_limits
        self._keys = ApiKeys(database)
        self._key: TTLCache[str, ApiKey | None] = TTLCache(self._keys.get)
        self._token: TTLCache[str, SessionToken | None] = TTLCache(SessionTokens(database).get)
        self._user_token: TTLCache[str, UserToken | None] = TTLCache(UserTokens(database).get)
        self._jwts = UserJwts(settings)
        self._allowing: TTLCache[str, list[ApiKey]] = TTLCache(self._keys.allowing)
        self._sign_ins = SignIns(database)
        self._sign_in: TTLCache[str, SignIn | None] = TTLCache(self._sign_ins.get)
        self._touched: dict[str, int] = {}
        self._accepted: dict[bytes, tuple[ApiKey, Principal]] = {}

    async def find(self, request: web.Request) -> Principal:
        """Return the caller of a request. Raises `Problem` (401, 403, 429)."""
        if HOST_CALLER in request:
            return request[HOST_CALLER]
        header = request.headers.get("Authorization") or request.cookies.get(session_cookie.COOKIE, "")
        digest = self._address_limits.check(request, header)
        try:
            caller = await self._accepted_before(request, digest) or await self._find(request, digest)
        except Problem as refusal:
            if refusal.status == 401 and header:
                self._address_limits.record_invalid(request, header)
            raise
        self._address_limits.record_valid(digest)
        return caller

    async def _accepted_before(self, request: web.Request, digest: bytes) -> Principal | None:
        """Return the caller with the same credential, if its key has not been looked up again since."""
        key, caller = self._accepted.get(digest, (None, None))
        if key is None or "Authorization" not in request.headers or await self._key.get(key.id) is not key:
            return None
        _check_origin(key, request, required=True)
        await self._touch(key)
        return caller

    async def _find(self, request: web.Request, digest: bytes) -> Principal:
        secret = request.cookies.get(session_cookie.COOKIE, "")
        if secret and "Authorization" not in request.headers:
            return await self._by_cookie(secret, request)
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        if not text:
            raise _unauthenticated("an API key is required: send Authorization: Bearer ab_live_…")
        if kind.lower() != "bearer":
            raise _unauthenticated("send the API key as Authorization: Bearer ab_live_…")
        if text.startswith(LINK_PREFIX):
            return await self._by_link(text.strip())
        credential = Credential.read(text.strip())
        if credential is None and self._jwts.matches(text.strip()):
            return self._by_jwt(text.strip(), request)
        if credential is None:
            raise _unauthenticated("malformed API key: keys look like ab_live_<id>_<secret>", invalid=True)
        match credential.kind:
            case "ses":
                caller = await self._by_session_token(credential, request)
            case "user":
                caller = await self._by_user_token(credential)
            case _:
                caller = await self._by_key(credential, request, digest)
        if caller is None:
            log.info("API key refused", id=credential.id, kind=credential.kind, remote=request.remote)
            raise _unauthenticated("invalid API key: unknown, expired or revoked", invalid=True)
        return caller

    async def refusal(self, text: str, request: web.Request) -> Problem | None:
        """Return why the page that sent this request cannot use a publishable key; None if it can.

        Raises `Problem` (429).
        """
        credential, header = Credential.read(text.strip()), f"Bearer {text.strip()}"
        self._address_limits.check(request, header)
        try:
            usable = credential is not None and credential.kind == "pub" and await self._by_key(credential, request)
        except Problem as problem:
            return problem
        if usable:
            return None
        self._address_limits.record_invalid(request, header)
        return Problem(401, "invalid API key: unknown, expired or revoked", code="no-credential")

    async def allowed(self, origin: str) -> bool:
        """Return whether any live publishable key allows this web origin."""
        return len(origin) < 300 and origin.isascii() and bool(await self._allowing.get(origin.lower()))

    async def _by_key(self, credential: Credential, request: web.Request, digest: bytes = b"") -> Principal | None:
        key = await self._key.get(credential.id)
        if key is None or not key.accepts(credential):
            return None
        _check_origin(key, request, required=True)
        await self._touch(key)
        caller = Principal(workspace=key.workspace, key=key.id, kind=key.kind, scopes=frozenset(key.scopes))
        if digest:
            self._accepted[digest] = key, caller
            if len(self._accepted) > REMEMBERED:
                del self._accepted[next(iter(self._accepted))]
        return caller

    async def _by_session_token(self, credential: Credential, request: web.Request) -> Principal | None:
        token = await self._token.get(credential.id)
        if token is None or not token.accepts(credential):
            return None
        key = await self._key.get(token.key)
        if key is None or key.state != "live":
            return None
        # Same-origin GET requests have no Origin header.
        _check_origin(key, request, required=False)
        await self._touch(key)
        return Principal(
            workspace=token.workspace,
            key=key.id,
            kind="ses",
            scopes=CHAT,
            session=token.thread,
        )

    async def _by_user_token(self, credential: Credential) -> Principal | None:
        token = await self._user_token.get(credential.id)
        if token is None or not token.accepts(credential):
            return None
        # One that an operator issued has no key to end with.
        if token.key:
            key = await self._key.get(token.key)
            if key is None or key.state != "live":
                return None
            await self._touch(key)
        return Principal(workspace=token.workspace, key=token.key, kind="user", scopes=CHAT, user=token.user)

    def _by_jwt(self, text: str, request: web.Request) -> Principal:
        try:
            user = self._jwts.verify(text)
        except InvalidJwt as error:
            log.info("JWT refused", reason=str(error), remote=request.remote)
            raise _unauthenticated(str(error), invalid=True) from None
        return Principal(workspace=user.workspace, key="", kind="user", scopes=CHAT, user=user.id)

    async def _by_link(self, text: str) -> Principal:
        workspace = await self._sign_ins.redeem(text)
        if workspace is None:
            detail = "this sign-in link was used or has expired; run `answerback link` for a new one"
            raise _unauthenticated(detail, invalid=True)
        return Principal(workspace=workspace, key="dashboard", kind="link", scopes=frozenset(("admin",)))

    async def _by_cookie(self, secret: str, request: web.Request) -> Principal:
        session_cookie.check(request, secret)
        sign_in = await self._sign_in.get(secret)
        key = await self._key.get(sign_in.key) if sign_in and sign_in.key else None
        # A sign-in with a key ends with the key.
        if sign_in is None or (sign_in.key and (key is None or key.state != "live")):
            raise _unauthenticated("you are no longer signed in")
        scopes: frozenset[Scope] = frozenset(("admin",))
        return Principal(workspace=sign_in.workspace, key=sign_in.key or "dashboard", kind="live", scopes=scopes)

    async def _touch(self, key: ApiKey) -> None:
        if key.read - max(key.last_used, self._touched.get(key.id, 0)) < TOUCH_INTERVAL:
            return
        self._touched[key.id] = key.read
        with suppress(StoreFull):
            await self._keys.touch(key)


def _check_origin(key: ApiKey, request: web.Request, *, required: bool) -> None:
    origin = request.headers.get("Origin")
    if key.kind == "pub" and (required if origin is None else origin.lower() not in key.origins):
        detail = "this publishable key works only from web pages at its origins"
        raise Problem(403, detail, code="wrong-origin")


def _unauthenticated(detail: str, *, invalid: bool = False) -> Problem:
    # https://www.rfc-editor.org/rfc/rfc6750#section-3: no error code where no token was sent.
    challenge = 'Bearer realm="answerback"' + (', error="invalid_token"' if invalid else "")
    return Problem(401, detail, code="no-credential", headers={"WWW-Authenticate": challenge})
