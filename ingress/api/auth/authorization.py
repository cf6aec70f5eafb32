"""Authorization: whether a key, a session token or a sign-in link may call a route."""

from __future__ import annotations

from aiohttp import web

from ...problems import Problem
from ..context import Principal
from ..route import Route


def authorize(caller: Principal, route: Route, request: web.Request) -> None:
    """Check a caller's kind and scopes against those that a route declares. Raises `Problem`: 403, 404."""
    scope = route.scope
    if caller.kind == "pub":
        if not route.publishable:
            raise Problem(403, "a publishable key can only open sessions", code="not-for-this-key")
    elif caller.kind == "ses":
        if not route.session:
            raise Problem(403, "a session token is valid for its session only", code="not-for-this-key")
        if request.match_info[route.session] != caller.session:
            raise Problem(404, "there is no such session")
    elif caller.kind == "user":
        if not route.user:
            raise Problem(403, "a user token is valid for its user's threads only", code="not-for-this-key")
    elif caller.kind == "link" and not route.link:
        raise Problem(403, "a sign-in link can only be used to sign in", code="not-for-this-key")
    elif scope is not None and scope != "any" and not caller.may(scope):
        challenge = f'Bearer realm="answerback", error="insufficient_scope", scope="{scope}"'
        detail = f"this requires a key with the scope {scope}"
        raise Problem(403, detail, code="missing-scope", headers={"WWW-Authenticate": challenge})
