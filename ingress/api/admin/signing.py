"""`/api/v1/admin/session`: sign in to the dashboard with a key of scope `admin` or with a single-use link."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from answerback.platforms.registry import PLATFORMS
from answerback.store.access.sign_ins import LIFE, SignIn, SignIns
from answerback.store.redis import Database

from ..auth.session_cookie import COOKIE, csrf
from ..context import RequestContext
from ..route import Model, Route, collect, route
from .audit import audit

PATH = "/admin/session"


class PlatformView(Model):
    """Where threads come from: a platform, or the chat API."""

    name: str = Field(description='as in thread ids, such as "github"')
    title: str = Field(description='as people write it, such as "GitHub"')
    markdown: bool = Field(description="whether people write Markdown there")


class Session(Model):
    """The dashboard session."""

    workspace: str = Field(description="the workspace that the dashboard shows")
    csrf: str = Field(description="send it as X-CSRF-Token with every request except GET")
    platforms: list[PlatformView]


class Signing:
    """The routes of dashboard sessions, kept in a cookie that scripts cannot read."""

    def __init__(self, database: Database) -> None:
        self._sign_ins = SignIns(database)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return collect(self, tag="Dashboard")

    @route(
        "POST",
        PATH,
        scope="admin",
        summary="Sign in to the dashboard",
        description="Sets a cookie that replaces the key on the dashboard's page. Instead of a key, accepts "
        "`Bearer ab_link_…` once: the token at the end of a link from `answerback link`.",
        returns=Session,
        link=True,
        raw=True,
    )
    async def post(self, call: RequestContext) -> web.Response:
        """Sign in."""
        caller = call.caller
        sign_in = SignIn(caller.workspace, "" if caller.kind == "link" else caller.key)
        secret = await self._sign_ins.begin(sign_in)
        audit(call, "session.begin", by=caller.kind)
        answer = call.answer(_session(sign_in.workspace, csrf(secret)))
        secure = call.request.secure or call.request.headers.get("X-Forwarded-Proto") == "https"
        answer.set_cookie(COOKIE, secret, max_age=int(LIFE), path="/", httponly=True, samesite="Strict", secure=secure)
        return answer

    @route("GET", PATH, scope="admin", summary="Get the dashboard session", returns=Session)
    async def get(self, call: RequestContext) -> web.Response:
        """Return the session."""
        secret = call.request.cookies.get(COOKIE, "")
        return call.answer(_session(call.caller.workspace, csrf(secret) if secret else ""))

    @route("DELETE", PATH, scope="admin", summary="Sign out of the dashboard", status=204)
    async def delete(self, call: RequestContext) -> web.Response:
        """Sign out."""
        await self._sign_ins.end(call.request.cookies.get(COOKIE, ""))
        audit(call, "session.end")
        answer = call.answer(None, 204)
        answer.del_cookie(COOKIE, path="/")
        return answer


def _session(workspace: str, token: str) -> Session:
    platforms = [
        PlatformView(name=platform.NAME, title=platform.TITLE, markdown=platform.MARKDOWN)
        for platform in PLATFORMS.values()
    ]
    chat = PlatformView(name="chat", title="Chat", markdown=False)
    return Session(workspace=workspace, csrf=token, platforms=[chat, *platforms])
