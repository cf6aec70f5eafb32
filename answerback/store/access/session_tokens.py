"""Session tokens: each gives access to one chat thread for the duration of its session."""

from __future__ import annotations

import msgspec

from answerback.codec import decoder, encode
from answerback.store.access import keys
from answerback.store.access.credential import Credential
from answerback.store.redis import Database


class SessionToken(msgspec.Struct, frozen=True):
    """A token for the chat thread `thread` (its public id), issued to the API key `key`. `expires`: ms, of Redis."""

    id: str
    workspace: str
    thread: str
    key: str
    hash: str
    expires: int

    def accepts(self, shown: Credential) -> bool:
        """Return whether the credential is for this token."""
        return shown.kind == "ses" and shown.id == self.id and shown.matches(self.hash)


_decode = decoder(SessionToken)


class SessionTokens:
    """Session tokens. The caller checks whether the API key that a token was issued to is still valid."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def grant(self, workspace: str, thread: str, key: str, *, seconds: float) -> tuple[SessionToken, Credential]:
        """Issue a token that is valid for `seconds`. Only the caller gets the secret."""
        shown, life = Credential.new("ses"), int(seconds * 1000)
        token = SessionToken(shown.id, workspace, thread, key, shown.hash, await self._database.now() + life)
        all_of_it = keys.session_tokens(workspace, thread)
        await self._database.confirmed(
            ("SET", keys.session_token(token.id), encode(token), "PX", life),
            ("SADD", all_of_it, token.id),
            # The set expires with the last of its tokens: set a first expiry, and afterwards only extend it.
            ("PEXPIRE", all_of_it, life, "NX"),
            ("PEXPIRE", all_of_it, life, "GT"),
        )
        return token, shown

    async def get(self, id: str) -> SessionToken | None:
        """Return a token by its id; None if there is none or it has expired."""
        encoded = await self._database.call("GET", keys.session_token(id))
        return _decode(encoded) if encoded else None

    async def end(self, workspace: str, thread: str) -> None:
        """End a session: revoke all of its tokens."""
        all_of_it = keys.session_tokens(workspace, thread)
        if ids := [id.decode() for id in await self._database.call("SMEMBERS", all_of_it)]:
            # Not the whole set: one may have been issued meanwhile.
            await self._database.confirmed(("DEL", *(keys.session_token(id) for id in ids)), ("SREM", all_of_it, *ids))
