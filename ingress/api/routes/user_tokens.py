"""`/user-tokens`: issue and revoke tokens with which a product's user reads and writes their own chat threads."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from answerback.store.access.user_tokens import LONGEST, UserTokens
from answerback.store.redis import Database

from ...problems import Problem
from ..context import RequestContext
from ..route import BASE, Model, Route, collect, route
from ..schemas.messages import UserId
from ..schemas.moments import Moment, moment

PATH = "/user-tokens"
DAY = 86_400


class NewUserToken(Model):
    """A token to issue."""

    user_id: UserId = Field(description="your own id of the user, as in their threads")
    expires_in: int = Field(DAY, ge=1, le=int(LONGEST), description="seconds for which it is valid")


class IssuedUserToken(Model):
    """A new token."""

    id: str = Field(description="to revoke it by")
    token: str = Field(description="the token itself, which is shown only once")
    user_id: str
    expires_at: Moment


class RevokedUser(Model):
    """The user whose tokens to revoke."""

    user_id: UserId


class Revoked(Model):
    """How many tokens were revoked."""

    revoked: int


class UserTokenRoutes:
    """The routes of user tokens."""

    def __init__(self, database: Database) -> None:
        self._tokens = UserTokens(database)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return collect(self, tag="Access", parameters={"id": "the token's id"})

    @route(
        "POST",
        PATH,
        scope="chat:write",
        summary="Issue a user token",
        description="It gives access to the threads of one user of this workspace, until it expires, or it or the key "
        "that issued it is revoked. Repeated with the same Idempotency-Key, it issues another one.",
        body=NewUserToken,
        returns=IssuedUserToken,
        status=201,
        # A stored response would contain the secret.
        repeated="handler",
    )
    async def issue(self, call: RequestContext) -> web.Response:
        """Issue a token."""
        new: NewUserToken = call.body
        caller = call.caller
        token, secret = await self._tokens.grant(caller.workspace, new.user_id, caller.key, seconds=new.expires_in)
        issued = IssuedUserToken(id=token.id, token=str(secret), user_id=token.user, expires_at=moment(token.expires))
        return call.answer(issued, 201, {"Location": f"{BASE}{PATH}/{token.id}"})

    @route(
        "POST",
        f"{PATH}/revoke",
        scope="chat:write",
        summary="Revoke all tokens of a user",
        body=RevokedUser,
        returns=Revoked,
    )
    async def revoke_all(self, call: RequestContext) -> web.Response:
        """Revoke all tokens of a user."""
        revoked: RevokedUser = call.body
        return call.answer(Revoked(revoked=await self._tokens.revoke_all(call.caller.workspace, revoked.user_id)))

    @route("DELETE", f"{PATH}/{{id}}", scope="chat:write", summary="Revoke a user token", status=204)
    async def revoke(self, call: RequestContext) -> web.Response:
        """Revoke a token."""
        if not await self._tokens.revoke(call.path["id"], call.caller.workspace):
            raise Problem(404, "there is no such user token", code="no-such-token")
        return call.answer(None)
