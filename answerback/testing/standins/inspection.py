"""The stand-ins' own API, under /_standin: set faults, and read what happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from answerback.testing.standins.faults import Faults, Rule
from answerback.testing.standins.hooks import Hooks
from answerback.testing.standins.journal import Journal
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.standin import Handler, StandIn, answer


class SeededMessage(msgspec.Struct):
    """A message that a person posts on a platform; see each stand-in's `seed`."""

    platform: str
    said: dict[str, Any]


class Act(msgspec.Struct):
    """Something that a person does on a platform; see each stand-in's `act`."""

    platform: str
    act: str
    details: dict[str, Any]


class WebhookToSend(msgspec.Struct):
    """A webhook that GitHub sends now; with a `status`, a delivery that failed `at` that time (seconds)."""

    headers: dict[str, str]
    body: str
    id: str
    status: int | None = None
    at: float | None = None


class Target(msgspec.Struct):
    """The URL of webhooks."""

    url: str


class Inspection:
    """The handlers of the stand-ins' own API."""

    def __init__(self, journal: Journal, faults: Faults, hooks: Hooks, standins: Sequence[StandIn]) -> None:
        self._journal = journal
        self._faults = faults
        self._hooks = hooks
        self._standins = {standin.name: standin for standin in standins}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/_standin", _checked(self._health)),
            web.delete("/_standin", _checked(self._reset)),
            web.get("/_standin/faults", _checked(self._list_faults)),
            web.post("/_standin/faults", _checked(self._add_faults)),
            web.delete("/_standin/faults/{id:\\d+}", _checked(self._remove_fault)),
            web.get("/_standin/messages", _checked(self._messages)),
            web.post("/_standin/messages", _checked(self._say)),
            web.post("/_standin/acts", _checked(self._act)),
            web.get("/_standin/state", _checked(self._state)),
            web.get("/_standin/requests", _checked(self._requests)),
            web.get("/_standin/deliveries", _checked(self._deliveries)),
            web.post("/_standin/deliveries", _checked(self._deliver)),
            web.put("/_standin/webhooks", _checked(self._send_webhooks_to)),
        ]

    async def _health(self, request: web.Request) -> web.Response:
        return answer({"platforms": list(self._standins)})

    async def _reset(self, request: web.Request) -> web.Response:
        self._journal.reset()
        self._faults.reset()
        self._hooks.reset()
        for standin in self._standins.values():
            standin.reset()
        return answer({})

    async def _list_faults(self, request: web.Request) -> web.Response:
        return answer(self._faults.report())

    async def _add_faults(self, request: web.Request) -> web.Response:
        body = await request.read()
        rules = msgspec.json.decode(body, type=list[Rule]) if body.lstrip()[:1] == b"[" else [_one(body, Rule)]
        return answer([self._faults.add(rule) for rule in rules], 201)

    async def _remove_fault(self, request: web.Request) -> web.Response:
        return answer({}) if self._faults.remove(int(request.match_info["id"])) else answer({}, 404)

    async def _messages(self, request: web.Request) -> web.Response:
        wanted = request.query.get("platform")
        return answer([one for one in self._journal.messages if wanted in (None, one.platform)])

    async def _say(self, request: web.Request) -> web.Response:
        said = _one(await request.read(), SeededMessage)
        return answer(self._standin(said.platform).seed(said.said), 201)

    async def _act(self, request: web.Request) -> web.Response:
        done = _one(await request.read(), Act)
        return answer(self._standin(done.platform).act(done.act, done.details), 201)

    async def _state(self, request: web.Request) -> web.Response:
        return answer(self._standin(request.query.get("platform", "")).state())

    def _standin(self, platform: str) -> StandIn:
        if platform not in self._standins:
            raise ValueError(f"there is no platform {platform!r}")
        return self._standins[platform]

    async def _requests(self, request: web.Request) -> web.Response:
        platform, operation = request.query.get("platform"), request.query.get("operation")
        found = [
            one
            for one in self._journal.requests
            if platform in (None, one.platform) and operation in (None, one.operation)
        ]
        return answer({"counts": self._journal.counts, "requests": found})

    async def _deliveries(self, request: web.Request) -> web.Response:
        found = [one.summary() | {"platform": one.platform, "answer": one.answer} for one in self._hooks.attempts]
        return answer({"pending": self._hooks.pending, "deliveries": found})

    async def _deliver(self, request: web.Request) -> web.Response:
        wanted = _one(await request.read(), WebhookToSend)
        delivery = Delivery(wanted.headers, wanted.body.encode(), wanted.id)
        if wanted.status is None:
            self._hooks.emit("github", delivery)
            return answer({}, 202)
        return answer(self._hooks.failed("github", delivery, wanted.status, wanted.at).summary(), 201)

    async def _send_webhooks_to(self, request: web.Request) -> web.Response:
        self._hooks.url = _one(await request.read(), Target).url
        return answer({})


T = TypeVar("T")


def _one(body: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(body, type=kind)


def _checked(handler: Handler) -> Handler:
    async def checked(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (ValueError, KeyError, TypeError) as error:
            return answer({"error": f"{type(error).__name__}: {error}"}, 400)

    return checked
