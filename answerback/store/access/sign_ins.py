"""Signing in to the dashboard: links that work once, and sign-ins that last for hours. Only hashes are stored."""

from __future__ import annotations

import secrets
from hashlib import sha256

import msgspec

from answerback.store import keys
from answerback.store.redis import Database

LINK = 15 * 60.0
"""Seconds for which a link is good."""
LINK_PREFIX = "ab_link_"
LIFE = 12 * 3600.0
"""Seconds for which a sign-in is good."""


class SignIn(msgspec.Struct, frozen=True):
    """Who signed in: with the API key `key`, or with a link ("")."""

    workspace: str
    key: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SignIn).decode


class SignIns:
    """The sign-ins of one Redis."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def link(self, workspace: str) -> str:
        """A token that signs in once, within `LINK` seconds."""
        token = LINK_PREFIX + secrets.token_urlsafe(32)
        await self._database.call("SET", keys.sign_in_link(_hash(token)), workspace, "PX", int(LINK * 1000))
        return token

    async def redeem(self, token: str) -> str | None:
        """The workspace that a link opens, the first time; then None."""
        found = await self._database.call("GETDEL", keys.sign_in_link(_hash(token)))
        return found.decode() if found else None

    async def begin(self, sign_in: SignIn) -> str:
        """Sign in. The secret that shows it is known to the caller alone."""
        secret = secrets.token_urlsafe(32)
        await self._database.call("SET", keys.sign_in(_hash(secret)), _encode(sign_in), "PX", int(LIFE * 1000))
        return secret

    async def get(self, secret: str) -> SignIn | None:
        """Who shows this secret; None when nobody is signed in with it, or no more."""
        found = await self._database.call("GET", keys.sign_in(_hash(secret)))
        return _decode(found) if found else None

    async def end(self, secret: str) -> None:
        """Sign out."""
        await self._database.call("DEL", keys.sign_in(_hash(secret)))


def _hash(secret: str) -> str:
    return sha256(secret.encode(errors="replace")).hexdigest()
