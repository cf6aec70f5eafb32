"""`GET /api/v1/me`: what a key opens, for clients to check it with."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from answerback.store.access.api_keys import Scope

from ..context import RequestContext
from ..route import BASE, Model, Route


class Identity(Model):
    """Whose key it is, and what it may do."""

    workspace: str = Field(description="the workspace whose threads the key opens")
    scopes: list[Scope] = Field(description="what the key may do; admin includes the others")
    key: str = Field(description="the key's id, by which `answerback keys` knows it")


class Me:
    """The caller himself."""

    def routes(self) -> list[Route]:
        """The one route."""
        return [
            Route(
                method="GET",
                path=f"{BASE}/me",
                handler=self.get,
                scope="any",
                summary="Check an API key",
                tag="Access",
                answer=Identity,
            )
        ]

    async def get(self, call: RequestContext) -> web.Response:
        """Say who calls."""
        caller = call.caller
        return call.answer(Identity(workspace=caller.workspace, scopes=sorted(caller.scopes), key=caller.key))
