"""A call of the API, as its handler gets it: who calls, and what was checked already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from answerback.store.access.api_keys import Scope


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who calls: an API key, or the holder of a session's token.

    key      the id of the API key; a session's is the one that the session was opened with
    kind     "live", "pub", "ses" or "link"
    session  the public id of the one chat thread that a session's token opens; None for a key
    """

    workspace: str
    key: str
    kind: str
    scopes: frozenset[Scope]
    session: str | None = None

    def may(self, scope: Scope) -> bool:
        """Whether the scope is this caller's; admin has them all."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def id(self) -> str:
        """Whom rate limits and Idempotency-Keys belong to: a key, or a session."""
        return self.key if self.session is None else f"{self.key}:{self.workspace}:{self.session}"


@dataclass(frozen=True, kw_only=True)
class RequestContext:
    """A call whose caller may make it, and whose body and query are right.

    body         the route's model, None where it has none; `query` likewise
    path         the names in the path
    idempotency  64 hex digits: a digest of caller and Idempotency-Key, the same when the call is made again; random
                 without that header
    again        seconds within which it may come again under the same `idempotency`; 0: never
    """

    request: web.Request
    caller: Principal
    body: Any
    query: Any
    path: Mapping[str, str]
    idempotency: str
    again: float = 0

    def answer(
        self, model: BaseModel | None, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        """A model as JSON; None: no content."""
        if model is None:
            return web.Response(status=204, headers=headers)
        text = model.model_dump_json(by_alias=True)
        return web.Response(status=status, text=text, content_type="application/json", headers=headers)
