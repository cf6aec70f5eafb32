"""Dashboard sign-in: single-use links, and sign-ins that last for hours. Only hashes are stored."""

from __future__ import annotations

import secrets
from hashlib import sha256

import msgspec

from answerback.codec import decoder, encode
from answerback.store.access import keys
from answerback.store.redis import Database

LINK = 15 * 60.0
"""Seconds for which a link is valid."""
LINK_PREFIX = "ab_link_"
LIFE = 12 * 3600.0
"""Seconds for which a sign-in is valid."""


class SignIn(msgspec.Struct, frozen=True):
    """A sign-in with the API key `key`, or with a link ("")."""

    workspace: str
    key: str


_decode = decoder(SignIn)


class SignIns:
    """The sign-ins of one Redis."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def link(self, workspace: str) -> str:
        """Create a single-use token, valid for `LINK` seconds."""
        token = LINK_PREFIX + secrets.token_urlsafe(32)
        await self._database.confirmed(("SET", keys.sign_in_link(_hash(token)), workspace, "PX", int(LINK * 1000)))
        return token

    async def redeem(self, token: str) -> str | None:
        """Return the workspace of a link the first time it is used; afterwards None."""
        (workspace,) = await self._database.confirmed(("GETDEL", keys.sign_in_link(_hash(token))))
        return workspace.decode() if workspace else None

    async def begin(self, sign_in: SignIn) -> str:
        """Sign in and return a secret, which only the caller gets."""
        secret = secrets.token_urlsafe(32)
        await self._database.confirmed(("SET", keys.sign_in(_hash(secret)), encode(sign_in), "PX", int(LIFE * 1000)))
        return secret

    async def get(self, secret: str) -> SignIn | None:
        """Return the sign-in of a secret; None if there is none or it has ended."""
        stored = await self._database.call("GET", keys.sign_in(_hash(secret)))
        return _decode(stored) if stored else None

    async def end(self, secret: str) -> None:
        """Sign out."""
        await self._database.confirmed(("DEL", keys.sign_in(_hash(secret))))


def _hash(secret: str) -> str:
    return sha256(secret.encode(errors="replace")).hexdigest()
