"""Idempotency keys: a request repeated with the same `Idempotency-Key` gets the first response."""

from __future__ import annotations

import secrets
from typing import Literal, NamedTuple

from answerback.codec import decoder, encode
from answerback.store.access import keys
from answerback.store.redis import Database
from answerback.store.scripts import Scripts

REMEMBERED = 86_400.0
"""Seconds a response is kept."""
RUNNING = 60.0
"""Seconds after which a running request counts as dead and may be handled again."""

_headers = decoder(dict[str, str])


class StoredResponse(NamedTuple):
    """A stored HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes


class Conflict(NamedTuple):
    """Why a request is not handled. `wait`: ms until it may be retried."""

    reason: Literal["another route", "another body", "running"]
    wait: int = 0


class Idempotency:
    """Requests with idempotency keys, by a digest of caller and key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scripts = Scripts(database)

    async def begin(self, digest: str, route: str, body: str, *, alone: bool) -> str | StoredResponse | Conflict:
        """Begin a request. Return its owner, to `finish` it with; or the stored response; or a conflict.

        If `alone` is False, it is only compared and may be handled several times: its owner is then "".
        """
        owner = secrets.token_hex(8) if alone else ""
        state, *rest = await self._scripts.begin_request(
            [keys.idempotency(digest)],
            route=route,
            body=body,
            owner=owner,
            limit=int(RUNNING * 1000),
            kept=int(REMEMBERED * 1000),
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
        """Return the id of a request whose client counts its attempts: `fresh` at the first, and the same later.

        `digest`: of its caller and body. A later attempt without a known first one counts as the first.
        """
        name, life = keys.attempt(digest), int(seconds * 1000)
        _, stored = await self._database.together(
            ("SET", name, fresh, "PX", life, *(() if first else ("NX",))), ("GET", name)
        )
        return stored.decode() if stored else fresh

    async def finish(self, digest: str, owner: str, answer: StoredResponse | None) -> bool:
        """Store the response, or allow a retry if it is None. Return False if the request has another owner by now."""
        status, headers, body = answer or StoredResponse(0, {}, b"")
        return bool(
            await self._scripts.finish_request(
                [keys.idempotency(digest)], owner=owner, status=status, headers=encode(headers), body=body
            )
        )
