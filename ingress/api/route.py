"""`@route("GET", "/me", …)`: the declaration of a route, beside its handler.

The router, the checks of each request, the OpenAPI document and its page are derived from these declarations.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from answerback.store.access.api_keys import Scope

from ..problems import Problem, rendered
from .context import RequestContext

BASE = "/api/v1"

Handler = Callable[[RequestContext], Awaitable[web.StreamResponse]]
Refuse = Callable[[Problem], web.Response]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

F = TypeVar("F", bound=Callable[[Any, RequestContext], Awaitable[web.StreamResponse]])


class Model(BaseModel):
    """Base of all bodies, queries and responses. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Declaration:
    """What is declared of a route. As a decorator, it declares a method as the handler; a method may have several.

    Attributes:
        path: The path, with `{names}`; as declared, it is relative to the `base` of `collect`.
        scope: The scope that an API key needs; "any": any live key; None: the route is public.
        aliases: Other full paths of the same route, with the same names.
        parameters: The description of each path parameter.
        body: The model of `call.body`; None: it is not read.
        query: The model of `call.query`; None: it is not read.
        returns: The model of the response with `status`.
        streams: The content type of a response without a model: a stream, a page, a picture.
        events: Whether that is a stream of a thread's events.
        uploads: The JSON schema of each content type that a `raw` route reads, for the documentation.
        also: The models of responses with other statuses.
        refusals: Other error statuses, each with its description.
        limit: The largest body, in bytes.
        session: The path parameter that a session token must match; "" where session tokens are not accepted.
        user: Whether a user token is accepted: "thread" if the `{id}` in the path must be a thread of its user, "own"
            if the handler itself reads and writes only what belongs to `call.caller.user`.
        publishable: Whether a publishable key is accepted.
        link: Whether a sign-in link is accepted.
        repeated: What a repeated POST with an Idempotency-Key does: "response" returns the stored response (the handler
            has a minute); "handler" runs the handler again, which derives its ids from `call.idempotency` and so does
            nothing twice: for streams and for handlers that wait.
        refuse: Renders a problem; by default as problem+json.
        refusal: The model of what `refuse` renders.
        raw: The handler reads the request itself: body, query and Idempotency-Key are not processed.
    """

    method: Method
    path: str
    _: KW_ONLY
    scope: Scope | Literal["any"] | None
    summary: str
    tag: str = ""
    description: str = ""
    aliases: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    returns: type[BaseModel] | None = None
    status: int = 200
    streams: str = ""
    events: bool = False
    uploads: Mapping[str, Any] = field(default_factory=dict)
    also: Mapping[int, type[BaseModel]] = field(default_factory=dict)
    refusals: Mapping[int, str] = field(default_factory=dict)
    limit: int = 1_048_576
    session: str = ""
    user: Literal["", "own", "thread"] = ""
    publishable: bool = False
    link: bool = False
    repeated: Literal["response", "handler"] = "response"
    refuse: Refuse = rendered
    refusal: type[BaseModel] | None = None
    raw: bool = False

    def __call__(self, method: F) -> F:
        """Add this route to those of a method."""
        # Decorators apply from the bottom up; the list is in reading order.
        vars(method).setdefault(_ROUTES, []).insert(0, self)
        return method

    @property
    def paths(self) -> tuple[str, ...]:
        """The path and its aliases."""
        return (self.path, *self.aliases)


@dataclass(frozen=True)
class Route(Declaration):
    """A declared route and its handler."""

    _: KW_ONLY
    handler: Handler


route = Declaration
"""The decorator."""
_ROUTES = "__routes__"
"""The attribute of a method that holds its routes."""


def collect(
    handlers: object, *, tag: str, base: str = BASE, parameters: Mapping[str, str] | None = None, session: str = ""
) -> list[Route]:
    """Return the routes declared in an object's class, in reading order, bound to the object.

    Args:
        tag: Their section of the documentation.
        base: The prefix of their paths; their aliases are full paths.
        parameters: The description of each path parameter.
        session: The path parameter that a session token must match.
    """
    return [
        Route(
            **vars(declared)
            | {
                "path": f"{base}{declared.path}",
                "tag": tag,
                "parameters": parameters or {},
                "session": session or declared.session,
            },
            handler=getattr(handlers, name),
        )
        for name, member in vars(type(handlers)).items()
        for declared in getattr(member, _ROUTES, ())
    ]
