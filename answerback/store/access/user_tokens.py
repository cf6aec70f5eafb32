"""User tokens: each gives access to the chat threads of one user of a workspace, for a limited time."""

from __future__ import annotations

import msgspec

from answerback.codec import decoder, encode
from answerback.errors import AnswerbackError
from answerback.store.access import keys
from answerback.store.access.api_keys import check_workspace
from answerback.store.access.credential import Credential
from answerback.store.redis import Database

LONGEST = 30 * 86_400.0
"""The longest lifetime of a user token, in seconds."""
LONGEST_USER = 256
"""The longest id of a user, in characters."""


class InvalidUserToken(AnswerbackError):
    """The parameters of the user token are invalid."""


class UserToken(msgspec.Struct, frozen=True):
    """A token for the chat threads of `user`, issued to an API key, or by an operator ("").

    `expires`: ms, by the clock of Redis.
    """

    id: str
    workspace: str
    user: str
    key: str
    hash: str
    expires: int

    def accepts(self, shown: Credential) -> bool:
        """Return whether the credential is for this token."""
        return shown.kind == "user" and shown.id == self.id and shown.matches(self.hash)


_decode = decoder(UserToken)


class UserTokens:
    """User tokens. The caller checks whether the API key that a token was issued to is still valid."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def grant(self, workspace: str, user: str, key: str = "", *, seconds: float) -> tuple[UserToken, Credential]:
        """Issue a token that is valid for `seconds`. Only the caller gets the secret. Raises `InvalidUserToken`."""
        check_workspace(workspace)
        if not 0 < len(user) <= LONGEST_USER:
            raise InvalidUserToken(f"a user's id has 1 to {LONGEST_USER} characters.")
        if not 0 < seconds <= LONGEST:
            raise InvalidUserToken(f"a user token must expire within {LONGEST / 86_400:g} days.")
        shown, life, now = Credential.new("user"), max(1, int(seconds * 1000)), await self._database.now()
        token = UserToken(shown.id, workspace, user, key, shown.hash, now + life)
        all_of_user = keys.user_tokens(workspace, user)
        await self._database.confirmed(
            ("SET", keys.user_token(token.id), encode(token), "PX", life),
            ("ZADD", all_of_user, token.expires, token.id),
            # A product may issue one for each page: those that have expired must not pile up.
            ("ZREMRANGEBYSCORE", all_of_user, "-inf", now),
            # The set expires with the last of its tokens: set a first expiry, and afterwards only extend it.
            ("PEXPIRE", all_of_user, life, "NX"),
            ("PEXPIRE", all_of_user, life, "GT"),
        )
        return token, shown

    async def get(self, id: str) -> UserToken | None:
        """Return a token by its id; None if there is none or it has expired."""
        encoded = await self._database.call("GET", keys.user_token(id))
        return _decode(encoded) if encoded else None

    async def revoke(self, id: str, workspace: str | None = None) -> bool:
        """Revoke a token, of a workspace or of any. Return False if there is none."""
        token = await self.get(id)
        if token is None or workspace not in (None, token.workspace):
            return False
        await self._database.confirmed(
            ("DEL", keys.user_token(id)), ("ZREM", keys.user_tokens(token.workspace, token.user), id)
        )
        return True

    async def revoke_all(self, workspace: str, user: str) -> int:
        """Revoke all tokens of a user. Return how many were valid."""
        all_of_user = keys.user_tokens(workspace, user)
        ids = [id.decode() for id in await self._database.call("ZRANGE", all_of_user, 0, -1)]
        if not ids:
            return 0
        revoked, *_ = await self._database.confirmed(
            ("DEL", *(keys.user_token(id) for id in ids)), ("ZREM", all_of_user, *ids)
        )
        return int(revoked)
