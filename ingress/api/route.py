"""The declaration of a route, from which the router, the checks and the OpenAPI document are derived."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from answerback.store.access.api_keys import Scope

from ..problems import Problem, rendered
from .context import RequestContext

BASE = "/api/v1"

Handler = Callable[[RequestContext], Awaitable[web.StreamResponse]]
Refuse = Callable[[Problem], web.Response]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Model(BaseModel):
    """Base of all bodies, queries and responses. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True)
class Route:
    """One route.

    scope        the scope that an API key needs; "any": any live key; None: the route is public
    path         the full path, with `{names}`; `aliases` are other paths of the same route, with the same names
    names        the description of each path parameter
    body, query  the models of `call.body` and `call.query`; None: not read
    answer       the model of the response with `status`
    streams      the content type of a response without a model: a stream, a page, a picture
    also         the models of responses with other statuses
    refusals     other error statuses, each with its description
    limit        the largest body, in bytes
    session      the path parameter that a session token must match; "" where session tokens are not accepted
    publishable  whether a publishable key is accepted; `link`: whether a sign-in link is
    repeated     what a repeated POST with an Idempotency-Key does: "answer" returns the stored response (the handler
                 has a minute); "handler" runs the handler again, which derives its ids from `call.idempotency` and
                 so does nothing twice: for streams and for handlers that wait
    refuse       renders a problem, and `refusal` is its model where it is not problem+json
    raw          the handler reads the request itself: body, query and Idempotency-Key are not processed
    """

    method: Method
    path: str
    handler: Handler
    scope: Scope | Literal["any"] | None
    summary: str
    tag: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    streams: str = ""
    also: Mapping[int, type[BaseModel]] = field(default_factory=dict)
    refusals: Mapping[int, str] = field(default_factory=dict)
    limit: int = 1_048_576
    session: str = ""
    publishable: bool = False
    link: bool = False
    repeated: Literal["answer", "handler"] = "answer"
    refuse: Refuse = rendered
    refusal: type[BaseModel] | None = None
    raw: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """The path and its aliases."""
        return (self.path, *self.aliases)
