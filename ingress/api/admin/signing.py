"""`/api/v1/admin/session`: signing in to the dashboard, with a key of scope `admin` or with a link that works once."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from answerback.store import Database
from answerback.store.access import Keys
from answerback.store.signins import LIFE, SignIn, SignIns
from ingress.api.call import Call
from ingress.api.route import BASE, Model, Route
from ingress.api.session_cookie import COOKIE, csrf, foreign
from ingress.problems import Problem

PATH = f"{BASE}/admin/session"


class Credentials(Model):
    """One of the two."""

    key: str = Field(default="", max_length=200, description="an API key with the scope admin")
    link: str = Field(default="", max_length=200, description="the token of a link that `answerback up` printed")


class Session(Model):
    """Who is signed in."""

    workspace: str = Field(description="the workspace that the dashboard shows")
    csrf: str = Field(description="to be sent as X-CSRF-Token with whatever changes something")


class Signing:
    """The dashboard's sessions: a cookie that no script can read."""

    def __init__(self, database: Database) -> None:
        self._keys = Keys(database)
        self._sign_ins = SignIns(database)

    def routes(self) -> list[Route]:
        """Sign in, look, sign out."""
        refusals = {401: "the key or the link opens nothing", 403: "the key has not the scope admin"}
        return [
            Route(
                method="POST",
                path=PATH,
                handler=self.post,
                scope=None,
                summary="Sign in to the dashboard",
                description="Sets a cookie with which the routes of scope `admin` can be called from the dashboard.",
                tag="Dashboard",
                body=Credentials,
                answer=Session,
                refusals=refusals,
            ),
            Route(
                method="GET",
                path=PATH,
                handler=self.get,
                scope="admin",
                summary="Who is signed in to the dashboard",
                tag="Dashboard",
                answer=Session,
            ),
            Route(
                method="DELETE",
                path=PATH,
                handler=self.delete,
                scope="admin",
                summary="Sign out of the dashboard",
                tag="Dashboard",
                status=204,
            ),
        ]

    async def post(self, call: Call) -> web.Response:
        """Sign in."""
        if foreign(call.request):
            raise Problem(403, "only the dashboard's own page signs in", code="wrong-origin")
        sign_in = await (self._with_link(call.body.link) if call.body.link else self._with_key(call.body.key))
        secret = await self._sign_ins.begin(sign_in)
        answer = call.answer(Session(workspace=sign_in.workspace, csrf=csrf(secret)))
        secure = call.request.secure or call.request.headers.get("X-Forwarded-Proto") == "https"
        answer.set_cookie(COOKIE, secret, max_age=int(LIFE), path="/", httponly=True, samesite="Strict", secure=secure)
        return answer

    async def get(self, call: Call) -> web.Response:
        """Say who it is."""
        secret = call.request.cookies.get(COOKIE, "")
        return call.answer(Session(workspace=call.caller.workspace, csrf=csrf(secret) if secret else ""))

    async def delete(self, call: Call) -> web.Response:
        """Sign out."""
        await self._sign_ins.end(call.request.cookies.get(COOKIE, ""))
        answer = call.answer(None, 204)
        answer.del_cookie(COOKIE, path="/")
        return answer

    async def _with_link(self, link: str) -> SignIn:
        workspace = await self._sign_ins.redeem(link)
        if workspace is None:
            raise _refused("this link was used already, or is too old: `answerback link` prints a new one")
        return SignIn(workspace, "")

    async def _with_key(self, shown: str) -> SignIn:
        key = await self._keys.find(shown.strip())
        if key is None or key.kind != "live":
            raise _refused("this key opens nothing: it is unknown, expired or revoked")
        if "admin" not in key.scopes:
            raise Problem(403, "the dashboard needs a key with the scope admin", code="missing-scope")
        return SignIn(key.workspace, key.id)


def _refused(detail: str) -> Problem:
    return Problem(401, detail, code="no-credential")
