"""Twilio's API, as far as a client like ours needs it: https://www.twilio.com/docs/messaging/api"""

from __future__ import annotations

import math

from aiohttp import web

from answerback.testing.standins.faults import Rule
from answerback.testing.standins.hooks import Hooks, Retries
from answerback.testing.standins.journal import Journal
from answerback.testing.standins.options import Options
from answerback.testing.standins.standin import Operation, StandIn, answer
from answerback.testing.standins.twilio.account import NAME, VERSION, World, refusal
from answerback.testing.standins.twilio.messages import Messages
from answerback.testing.standins.twilio.people import People
from answerback.testing.standins.values import Json


class Twilio(StandIn):
    """Our accounts, their numbers, and the people who write to them."""

    name = NAME

    def __init__(self, options: Options, journal: Journal, hooks: Hooks) -> None:
        self._options, self._hooks = options, hooks
        self._world = World(options)
        self._messages = Messages(self._world, journal, hooks)
        self._people = People(self._world, hooks)
        pauses = [float(each) for each in options.twilio_retries.split(",") if each]
        # Only where the webhook's URL asks for it; the token that marks repeats stays the same.
        hooks.retries[NAME] = Retries(pauses, lambda delivery: True, lambda delivery, number, reason: delivery)

    def reset(self) -> None:
        fresh = World(self._options, url=self._world.url)
        vars(self._world).update(vars(fresh))
        self._messages.reset()

    def serves(self, url: str) -> None:
        self._world.url = f"{url}/{NAME}"

    def operations(self) -> list[Operation]:
        account = f"/{VERSION}/Accounts/{{account}}"
        media = f"{account}/Messages/{{message}}/Media/{{media}}"
        return [
            *self._messages.operations(),
            Operation("GET", f"{account}/IncomingPhoneNumbers.json", "numbers.list", self._numbers),
            Operation("GET", media, "media.fetch", self._moved),
            Operation("GET", "/cdn/{media}", "media.download", self._download),
            Operation("POST", "/v2/Indicators/Typing.json", "typing", self._typing),
        ]

    def error(self, status: int, message: str) -> web.Response:
        code = 20404 if status == 404 else 20500
        return answer({"code": code, "message": message, "more_info": "", "status": status}, status)

    def limited(self, rule: Rule, operation: str) -> web.Response:
        """https://www.twilio.com/docs/api/errors/20429: seldom with a time."""
        headers = {"Retry-After": str(math.ceil(rule.pause(0)))} if rule.pause(0) else {}
        return refusal(20429, 429, headers).response

    def passing(self, operation: str) -> list[web.Response]:
        """A credential that not all servers know yet."""
        return [refusal(20003, 401).response, self.error(503, "Service Unavailable")]

    def act(self, act: str, details: Json) -> Json:
        return self._people.act(act, details)

    def state(self) -> Json:
        shown = [message.shown() | {"media": message.media} for message in self._world.messages]
        return {"messages": shown, "typing": self._world.typing, "opted_out": sorted(self._world.opted_out)}

    async def _numbers(self, request: web.Request) -> web.Response:
        account = self._world.authorized(request)
        usual = f"{self._options.twilio_url}/webhooks/twilio"
        numbers = [
            {
                "account_sid": account,
                "phone_number": number,
                "capabilities": {"voice": False, "sms": True, "mms": True},
                "sms_url": self._world.targets.get(number, usual),
                "sms_method": "POST",
                "sms_application_sid": "",
            }
            for number in self._world.numbers
            if ":" not in number
        ]
        return answer({"incoming_phone_numbers": numbers, "next_page_uri": None})

    async def _moved(self, request: web.Request) -> web.Response:
        self._world.authorized(request)
        if request.match_info["media"] not in self._world.media:
            raise refusal(20404, 404)
        location = f"{self._world.url}/cdn/{request.match_info['media']}?Signature=standin"
        return web.Response(status=307, headers={"Location": location})

    async def _download(self, request: web.Request) -> web.Response:
        """Where files are kept: its address is signed, and a second credential is refused."""
        if request.headers.get("Authorization") or request.query.get("Signature") != "standin":
            return web.Response(status=400, text="<Error><Code>InvalidArgument</Code></Error>")
        content, kind = self._world.media[request.match_info["media"]]
        return web.Response(body=content, content_type=kind)

    async def _typing(self, request: web.Request) -> web.Response:
        """https://www.twilio.com/docs/whatsapp/api/typing-indicators-resource"""
        self._world.authorized(request)
        form = await request.post()
        if form.get("channel") != "whatsapp" or not form.get("messageId"):
            raise refusal(21604)
        self._world.typing.append(str(form["messageId"]))
        return answer({"success": True})
