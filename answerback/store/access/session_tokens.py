"""Session tokens: each opens one chat thread, for as long as its session lasts."""

from __future__ import annotations

import msgspec

from answerback.store import keys
from answerback.store.access.credential import Credential
from answerback.store.redis import Database

_encode = msgspec.msgpack.Encoder().encode


class SessionToken(msgspec.Struct, frozen=True):
    """A token for the chat thread `thread` (its public id), got with the API key `key`. `expires`: ms, of Redis."""

    id: str
    workspace: str
    thread: str
    key: str
    hash: str
    expires: int

    def accepts(self, shown: Credential) -> bool:
        """Whether this is the token that was shown."""
        return shown.kind == "ses" and shown.id == self.id and shown.matches(self.hash)


_decode = msgspec.msgpack.Decoder(SessionToken).decode


class SessionTokens:
    """The session tokens of one Redis. Whether the key that one was got with is still live is for the caller to see."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def grant(self, workspace: str, thread: str, key: str, *, seconds: float) -> tuple[SessionToken, Credential]:
        """A new token, good for so many seconds. Its secret is known to the caller alone."""
        shown, life = Credential.new("ses"), int(seconds * 1000)
        token = SessionToken(shown.id, workspace, thread, key, shown.hash, await self._database.now() + life)
        all_of_it = keys.session_tokens(workspace, thread)
        await self._database.together(
            ("SET", keys.session_token(token.id), _encode(token), "PX", life),
            ("SADD", all_of_it, token.id),
            # The set lives as long as the last of its tokens: first where it has no end yet, then never a shorter one.
            ("PEXPIRE", all_of_it, life, "NX"),
            ("PEXPIRE", all_of_it, life, "GT"),
        )
        return token, shown

    async def get(self, id: str) -> SessionToken | None:
        """A token by its id; None when there is none, or no more."""
        found = await self._database.call("GET", keys.session_token(id))
        return _decode(found) if found else None

    async def end(self, workspace: str, thread: str) -> None:
        """A session ends: none of its tokens opens anything more."""
        all_of_it = keys.session_tokens(workspace, thread)
        ids = await self._database.call("SMEMBERS", all_of_it)
        await self._database.call("DEL", all_of_it, *(keys.session_token(id.decode()) for id in ids))
