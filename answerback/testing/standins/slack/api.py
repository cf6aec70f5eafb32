"""Slack's Web API, as far as an app like ours needs it: https://docs.slack.dev/apis/web-api/

An error is a response with status 200 and `ok: false`; only a rate limit has another status.
"""

from __future__ import annotations

import math
import time

from aiohttp import web

from answerback.testing.standins.faults import Rule
from answerback.testing.standins.hooks import Hooks
from answerback.testing.standins.journal import Journal
from answerback.testing.standins.options import Options
from answerback.testing.standins.slack.calls import Call, Method, arguments, given_token, refusal, true
from answerback.testing.standins.slack.files import Files
from answerback.testing.standins.slack.installations import Installation
from answerback.testing.standins.slack.messages import Messages
from answerback.testing.standins.slack.oauth import OAuth
from answerback.testing.standins.slack.people import People
from answerback.testing.standins.slack.presence import Presence
from answerback.testing.standins.slack.reading import Reading
from answerback.testing.standins.slack.sockets import Sockets
from answerback.testing.standins.slack.space import KINDS, NAME, Space
from answerback.testing.standins.slack.streams import Streams
from answerback.testing.standins.slack.views import Views
from answerback.testing.standins.standin import Handler, Operation, Refusal, StandIn, answer
from answerback.testing.standins.values import Json

_BY_KIND = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}


class Slack(StandIn):
    """Our app in workspaces, in which every channel exists once it is named."""

    name = NAME

    def __init__(self, options: Options, journal: Journal, hooks: Hooks) -> None:
        self._space = space = Space(options, journal, hooks)
        self._presence = Presence(space)
        self._streams = Streams(space, self._presence)
        self._messages = Messages(space, self._streams, self._presence)
        self._reading = Reading(space)
        self._people = People(space, self._streams, self._presence)
        self._files = Files(space, self._messages, self._people)
        self._views = Views(space, self._messages, self._people)
        self._oauth = OAuth(space, self._people)
        self._sockets = Sockets(space, self._people)

    def reset(self) -> None:
        self._space.reset()
        parts = (self._presence, self._streams, self._reading, self._files, self._views, self._oauth, self._sockets)
        for part in parts:
            part.reset()

    def serves(self, url: str) -> None:
        self._space.url = f"{url}/{NAME}"

    def operations(self) -> list[Operation]:
        parts = (self._messages, self._streams, self._presence, self._reading, self._files, self._views)
        methods = [Method("auth.test", "", self._auth_test), Method("auth.revoke", "", self._revoke)]
        methods += [method for part in parts for method in part.methods()]
        operations = [
            one for part in (self._files, self._views, self._oauth, self._sockets) for one in part.operations()
        ]
        return operations + [
            Operation(verb, f"/{method.name}", method.name, self._served(method))
            for verb in ("GET", "POST")
            for method in methods
        ]

    def error(self, status: int, message: str) -> web.Response:
        return answer({"ok": False, "error": "unknown_method" if status == 404 else "internal_error"}, status)

    def limited(self, rule: Rule, operation: str) -> web.Response:
        """https://docs.slack.dev/apis/web-api/rate-limits"""
        headers = {"Retry-After": str(math.ceil(rule.pause(30)))}
        return answer({"ok": False, "error": "ratelimited"}, 429, headers)

    def passing(self, operation: str) -> list[web.Response]:
        """https://docs.slack.dev/reference/methods/chat.postMessage#errors"""
        return [refusal(error).response for error in ("channel_not_found", "team_access_not_granted", "invalid_auth")]

    def dress(self, response: web.StreamResponse) -> None:
        response.headers.setdefault("X-Slack-Req-Id", f"{time.time_ns():x}")

    def seed(self, said: Json) -> Json:
        """Store a person's message: channel, text; optional ts, thread_ts, user, blocks, attachments, files."""
        return self._space.json(self._people.write(said))

    def act(self, act: str, details: Json) -> Json:
        return self._people.act(act, details)

    def state(self) -> Json:
        return self._presence.state() | {
            "streams": self._streams.state(),
            "files": self._files.state(),
            "views": self._views.state(),
            "sockets": self._sockets.state(),
        }

    def _served(self, method: Method) -> Handler:
        """Return the handler of a method: the token, its scope, then the method."""

        async def handler(request: web.Request) -> web.Response:
            fields = await arguments(request)
            token = given_token(request, fields)
            if not token:
                raise refusal("not_authed")
            found = self._space.installations.by_token(token)
            if isinstance(found, str):
                raise refusal(found)
            call = Call(fields, found)
            needed = _scope(method, call)
            headers = {"X-OAuth-Scopes": ",".join(sorted(found.scopes)), "X-Accepted-OAuth-Scopes": needed}
            try:
                if needed and needed not in found.scopes:
                    raise refusal("missing_scope", needed=needed, provided=headers["X-OAuth-Scopes"])
                response = answer({"ok": True} | await method.work(call))
            except Refusal as refused:
                response = refused.response
            response.headers.update(headers)
            return response

        return handler

    async def _auth_test(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/auth.test"""
        ours = call.installation
        who: Json = {"url": "https://standin.slack.com/", "team": "Stand-in", "user": "answerbot", "team_id": ours.home}
        who |= {"user_id": ours.user, "bot_id": ours.bot, "is_enterprise_install": not ours.team}
        return who | ({"enterprise_id": ours.enterprise} if ours.enterprise else {})

    async def _revoke(self, call: Call) -> Json:
        """https://docs.slack.dev/reference/methods/auth.revoke"""
        if true(call.arguments.get("test")):
            return {"revoked": False}
        self._leave(call.installation)
        return {"revoked": True}

    def _leave(self, installation: Installation) -> None:
        event = self._space.webhook("", at=installation).revoked()
        self._space.installations.remove(installation)
        self._space.emit(event)


def _scope(method: Method, call: Call) -> str:
    """Return the scope that a call needs; for conversations it depends on the kind of the channel."""
    if method.scope not in ("history", "read"):
        return method.scope
    kind = KINDS.get(call.word("channel")[:1], "channel")
    return f"{_BY_KIND[kind]}:{method.scope}"
