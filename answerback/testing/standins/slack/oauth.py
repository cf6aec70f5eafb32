"""Installation by OAuth: the page on which people allow it, and the exchange of its code for a token.

https://docs.slack.dev/authentication/installing-with-oauth, https://docs.slack.dev/authentication/using-token-rotation
"""

from __future__ import annotations

import base64
import time
import uuid
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from answerback.testing.standins.slack.calls import arguments, refusal
from answerback.testing.standins.slack.installations import Installation
from answerback.testing.standins.slack.people import People
from answerback.testing.standins.slack.space import Space
from answerback.testing.standins.standin import Operation, answer
from answerback.testing.standins.values import Json

_CODE_SECONDS = 600


@dataclass
class Grant:
    """What a person allowed: the scopes, in which workspace, until when its code can be exchanged."""

    team: str
    enterprise: str
    scopes: str
    user: str
    redirect_uri: str
    until: float


class OAuth:
    """The page, `oauth.v2.access`, and the people who allow an installation."""

    def __init__(self, space: Space, people: People) -> None:
        self._space = space
        people.add({"authorize": self._authorize})
        self.reset()

    def reset(self) -> None:
        """Delete all codes."""
        self._grants: dict[str, Grant] = {}

    def operations(self) -> list[Operation]:
        """Return the URLs."""
        page = "/oauth/v2/authorize"
        return [
            Operation("GET", page, "oauth.authorize", self._page),
            Operation("POST", page, "oauth.authorize", self._allow),
            Operation("GET", "/oauth.v2.access", "oauth.v2.access", self._access),
            Operation("POST", "/oauth.v2.access", "oauth.v2.access", self._access),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        """Show what the app wants, with the buttons "Allow" and "Cancel"."""
        asked = dict(request.query)
        if problem := self._problem(asked):
            return web.Response(text=f"<html>{escape(problem)}</html>", content_type="text/html")
        fields = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in asked.items())
        buttons = '<button name="allow" value="1">Allow</button><button name="allow" value="">Cancel</button>'
        form = f'<form method="post" action="{escape(request.path)}">{fields}{buttons}</form>'
        scopes = escape(asked.get("scope", ""))
        page = f"<!DOCTYPE html><html><body>answerbot wants {scopes}{form}</body></html>"
        return web.Response(text=page, content_type="text/html")

    async def _allow(self, request: web.Request) -> web.Response:
        asked = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        if problem := self._problem(asked):
            return web.Response(status=400, text=problem)
        return web.Response(status=302, headers={"Location": self._granted(asked, allowed=bool(asked.get("allow")))})

    def _authorize(self, told: Json) -> Json:
        """Allow the installation for which the address `url` asks: team, enterprise, user; denied: press Cancel.

        Return the address to which Slack sends the browser.
        """
        asked = dict(parse_qsl(urlsplit(told["url"]).query))
        if problem := self._problem(asked):
            raise ValueError(problem)
        who = {name: told[name] for name in ("team", "enterprise", "user") if name in told}
        return {"location": self._granted(asked | who, allowed=not told.get("denied"))}

    def _problem(self, asked: dict[str, str]) -> str:
        if asked.get("client_id") != self._space.options.slack_client_id:
            return "invalid_client_id"
        return "" if asked.get("scope") else "invalid_scope_requested"

    def _granted(self, asked: dict[str, str], *, allowed: bool) -> str:
        back = asked.get("redirect_uri", "")
        found = {"state": asked.get("state", "")}
        if allowed:
            code = f"{uuid.uuid4().int % 10**12}.{uuid.uuid4().hex}"
            team = asked.get("team", "" if asked.get("enterprise") else self._space.installations.first.team)
            self._grants[code] = Grant(
                team,
                asked.get("enterprise", ""),
                asked["scope"],
                asked.get("user", "U2147483697"),
                back,
                time.monotonic() + _CODE_SECONDS,
            )
            found = {"code": code, **found}
        else:
            found = {"error": "access_denied", **found}
        return f"{back}{'&' if '?' in back else '?'}{urlencode(found)}"

    async def _access(self, request: web.Request) -> web.Response:
        """https://docs.slack.dev/reference/methods/oauth.v2.access"""
        told = await arguments(request)
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            client, _, secret = base64.b64decode(credentials).decode().partition(":")
            told |= {"client_id": client, "client_secret": secret}
        if told.get("client_id") != self._space.options.slack_client_id:
            raise refusal("invalid_client_id")
        if told.get("client_secret") != self._space.options.slack_client_secret:
            raise refusal("bad_client_secret")
        if told.get("grant_type") == "refresh_token":
            found = self._space.installations.by_refresh(str(told.get("refresh_token", "")))
            if found is None:
                raise refusal("invalid_refresh_token")
            return answer(self._issued(found, "U2147483697"))
        grant = self._grants.pop(str(told.get("code", "")), None)
        if grant is None or time.monotonic() > grant.until:
            raise refusal("invalid_code")
        if str(told.get("redirect_uri") or grant.redirect_uri) != grant.redirect_uri:
            raise refusal("bad_redirect_uri")
        installation = self._space.installations.install(grant.team, grant.enterprise, grant.scopes)
        return answer(self._issued(installation, grant.user))

    def _issued(self, installation: Installation, user: str) -> Json:
        token, refresh, seconds = self._space.installations.issue(installation)
        rotation = {"refresh_token": refresh, "expires_in": int(seconds)} if refresh else {}
        enterprise = {"id": installation.enterprise, "name": "Stand-in"} if installation.enterprise else None
        return {
            "ok": True,
            "app_id": installation.app,
            "authed_user": {"id": user},
            "scope": ",".join(sorted(installation.scopes)),
            "token_type": "bot",
            "access_token": token,
            "bot_user_id": installation.user,
            **rotation,
            "team": {"id": installation.team, "name": "Stand-in"} if installation.team else None,
            "enterprise": enterprise,
            "is_enterprise_install": not installation.team,
        }
