"""A route of the API as it is declared: the router, the checks before its handler and its description come from it."""

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
    """What bodies, queries and answers are made of: a field that nobody knows is a mistake, and is told."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True)
class Route:
    """One route.

    scope        what an API key needs; "any": any live key will do; None: no key, the route is public
    path         whole, with `{names}`; `aliases` are other paths of the same route, with the same names
    names        what each name in the path stands for
    body, query  the models that `call.body` and `call.query` are; None: nothing is looked at
    answer       the model of the answer with `status`
    streams      the content type of what is answered and has no model: a stream, a page, a picture
    also         answers with other statuses, each with its model
    refusals     other statuses of this route, each with when
    limit        largest body, bytes
    session      the name in the path that a session's token must be for; "" where such a token opens nothing
    publishable  whether a publishable key will do; `link`: whether a link that signs in will
    repeated     what a POST with an Idempotency-Key does when it comes again: "answer" gives the answer that was
                 kept (the handler has a minute); "handler" runs the handler again, which takes its ids from
                 `call.idempotency` and so does nothing twice: for streams, and for what waits
    refuse       how a refusal is written, and `refusal` its model where it is no problem+json
    raw          the handler reads the request itself: no body, no query and no Idempotency-Key is looked at
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
        """All of its paths, the first one first."""
        return (self.path, *self.aliases)
