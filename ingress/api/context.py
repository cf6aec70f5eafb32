"""What a handler of the API gets: the caller, the validated body and query, the idempotency key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from answerback.store.access.api_keys import Scope

JSON = "application/json; charset=utf-8"
ROOT_PATH = web.RequestKey("root_path", str)
"""Where ingress is mounted in another application, percent-encoded."""


def root_path(request: web.BaseRequest) -> str:
    """Return where ingress is mounted in another application; "" in a process of its own."""
    root: str = request.get(ROOT_PATH, "")
    return root


@dataclass(frozen=True, kw_only=True)
class Principal:
    """The authenticated caller: an API key or a session token.

    Attributes:
        key: The id of the API key; for a session token, the key that opened the session.
        kind: "live", "pub", "ses", "user" or "link".
        session: The public id of the chat thread that a session token is valid for; None for a key.
        user: The product's id of the user that a user token or a JWT is valid for; None for anything else.
    """

    workspace: str
    key: str
    kind: str
    scopes: frozenset[Scope]
    session: str | None = None
    user: str | None = None

    def may(self, scope: Scope) -> bool:
        """Return whether the caller has the scope; `admin` includes all."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def id(self) -> str:
        """The owner of rate limits and idempotency keys: a key, a session or a user."""
        if self.user is not None:
            # The same for all tokens of a user, so that a request can be repeated with a new one.
            return f"user:{self.workspace}:{sha256(self.user.encode(errors='surrogatepass')).hexdigest()}"
        return self.key if self.session is None else f"{self.key}:{self.workspace}:{self.session}"


@dataclass(frozen=True, kw_only=True)
class RequestContext:
    """A request that is authenticated, authorized and validated.

    Attributes:
        body: An instance of the route's body model, or None; `query` likewise.
        path: The path parameters.
        idempotency: 64 hex digits: a digest of caller and Idempotency-Key, the same when the request is repeated;
            random without the header.
        repeatable_for: Seconds within which it may be repeated with the same `idempotency`; 0: never.
    """

    request: web.Request
    caller: Principal
    body: Any
    query: Any
    path: Mapping[str, str]
    idempotency: str
    repeatable_for: float = 0

    def answer(
        self, model: BaseModel | None, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        """Return a JSON response with the model; without one, 204."""
        if model is None:
            return web.Response(status=204, headers=headers)
        body = model.__pydantic_serializer__.to_json(model, by_alias=True)
        return web.Response(status=status, body=body, headers={"Content-Type": JSON, **(headers or {})})
