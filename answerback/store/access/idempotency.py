"""Requests that named themselves (`Idempotency-Key`): sent again, they get the answer they got."""

from __future__ import annotations

import secrets
from typing import Literal, NamedTuple

import msgspec

from answerback.store import keys
from answerback.store.redis import Database
from answerback.store.scripts import Scripts

REMEMBERED = 86_400.0
"""Seconds that an answer is kept."""
RUNNING = 60.0
"""Seconds that a request has until another may take its place: its process has died then."""

_encode = msgspec.msgpack.Encoder().encode
_headers = msgspec.msgpack.Decoder(dict[str, str]).decode


class StoredResponse(NamedTuple):
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: bytes


class Conflict(NamedTuple):
    """Why a request is not worked on. `wait`: ms until it is worth trying again."""

    reason: Literal["another route", "another body", "running"]
    wait: int = 0


class Idempotency:
    """The requests of one Redis that named themselves, by a digest of caller and name."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scripts = Scripts(database)

    async def begin(self, digest: str, route: str, body: str, *, alone: bool) -> str | StoredResponse | Conflict:
        """Begin one. Returns its owner, to `finish` it with; or what was answered; or why it may not begin.

        With `alone` False it is only compared, and may be worked on by many: then its owner is "".
        """
        owner = secrets.token_hex(8) if alone else ""
        state, *rest = await self._scripts.begin_request(
            [keys.idempotency(digest)], [route, body, owner, int(RUNNING * 1000), int(REMEMBERED * 1000)]
        )
        match state:
            case b"begun":
                return owner
            case b"answered":
                return StoredResponse(int(rest[0]), _headers(rest[1]), rest[2])
            case b"running":
                return Conflict("running", int(rest[0]))
            case b"another route":
                return Conflict("another route")
            case _:
                return Conflict("another body")

    async def attempt(self, digest: str, fresh: str, seconds: float, *, first: bool) -> str:
        """What a request is known by whose client counts its tries: `fresh` at its first, and the same ever after.

        `digest`: of its caller and body. A later try whose first one never came counts as the first.
        """
        name, life = keys.attempt(digest), int(seconds * 1000)
        _, known = await self._database.together(
            ("SET", name, fresh, "PX", life, *(() if first else ("NX",))), ("GET", name)
        )
        return known.decode() if known else fresh

    async def finish(self, digest: str, owner: str, answer: StoredResponse | None) -> bool:
        """Keep the answer; or, with None, let the request be tried again. False when it is another's by now."""
        status, headers, body = answer or StoredResponse(0, {}, b"")
        return bool(
            await self._scripts.finish_request([keys.idempotency(digest)], [owner, status, _encode(headers), body])
        )
