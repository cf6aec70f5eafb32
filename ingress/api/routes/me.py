"""`GET /api/v1/me`: the workspace and the scopes of an API key."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from answerback.store.access.api_keys import Scope

from ..context import RequestContext
from ..route import Model, Route, collect, route


class Identity(Model):
    """The workspace and the scopes of the caller."""

    workspace: str = Field(description="the workspace that the key gives access to")
    scopes: list[Scope] = Field(description="what the key may do; admin includes the others")
    key: str = Field(description="the key's id, as in `answerback keys`; with a user token, of the key that issued it")
    user_id: str | None = Field(description="with a user token or a JWT, its user")


class Me:
    """The route that describes the caller."""

    def routes(self) -> list[Route]:
        """Return the route."""
        return collect(self, tag="Access")

    @route("GET", "/me", scope="any", user="own", summary="Check an API key", returns=Identity)
    async def get(self, call: RequestContext) -> web.Response:
        """Return the caller."""
        caller = call.caller
        return call.answer(
            Identity(workspace=caller.workspace, scopes=sorted(caller.scopes), key=caller.key, user_id=caller.user)
        )
