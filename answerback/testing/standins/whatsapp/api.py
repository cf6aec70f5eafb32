"""The Graph API, as far as a number on WhatsApp needs it, and the people who write to it.

https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
from aiohttp import web

from answerback.testing.standins.faults import Rule
from answerback.testing.standins.hooks import Hooks, Retries
from answerback.testing.standins.journal import Journal
from answerback.testing.standins.options import Options
from answerback.testing.standins.standin import Handler, Operation, StandIn, answer
from answerback.testing.standins.values import Json
from answerback.testing.standins.whatsapp.content import MEDIA, shown
from answerback.testing.standins.whatsapp.errors import refusal, reported
from answerback.testing.standins.whatsapp.media import Files
from answerback.testing.standins.whatsapp.webhooks import WhatsApp as Webhook
from answerback.testing.standins.whatsapp.webhooks import new_id

NAME = "whatsapp"
_CLOSED = (
    "Message failed to send because more than 24 hours have passed since the customer last replied to this number."
)


class WhatsApp(StandIn):
    """Business numbers on WhatsApp: each number and each person exists once it is named."""

    name = NAME

    def __init__(self, options: Options, journal: Journal, hooks: Hooks) -> None:
        self._options, self._journal, self._hooks = options, journal, hooks
        self._rotate()
        self._files = Files()
        self._sent: dict[str, tuple[Webhook, str]] = {}
        """Whom each message went to, and what was sent with it."""
        self._users: dict[str, Webhook] = {}
        """People by their phone number and their business-scoped id."""
        self._closed: dict[str, str] = {}
        """People who have not written for 24 hours, and how that shows: refused or reported."""
        self._typing: list[str] = []
        self._reactions: dict[str, str] = {}
        pauses = [float(one) for one in options.whatsapp_retries.split(",") if one]
        hooks.retries[NAME] = Retries(pauses, lambda _: True, lambda delivery, number, reason: delivery)

    def _rotate(self, tokens: str = "", secret: str = "") -> None:
        """Accept other access tokens, and sign with another app secret. "NUMBER=TOKEN": for that number only."""
        given = [each.rpartition("=") for each in (tokens or self._options.whatsapp_token).split(",")]
        self._tokens = {token: number for number, _, token in given}
        self._secret = secret or self._options.whatsapp_secret

    def reset(self) -> None:
        self._rotate()
        self._files.reset()
        for each in (self._sent, self._users, self._closed, self._typing, self._reactions):
            each.clear()

    def serves(self, url: str) -> None:
        self._files.url = f"{url}/{NAME}"

    def operations(self) -> list[Operation]:
        number = "/{version:v[0-9.]+}/{number:[0-9]+}"
        return [
            Operation("POST", f"{number}/messages", _operation, self._served(self._post)),
            Operation("POST", f"{number}/media", "media.upload", self._served(self._upload)),
            Operation("GET", number, "get", self._served(self._get)),
            Operation("GET", "/{version:v[0-9.]+}/me", "me", self._served(self._me)),
            Operation("GET", "/{version:v[0-9.]+}/me/permissions", "me.permissions", self._served(self._permissions)),
            Operation("GET", "/attachments/{number:[0-9]+}", "media.download", self._download),
        ]

    def error(self, status: int, message: str) -> web.Response:
        if status >= 500:
            return refusal(131000, message, status).response
        return refusal(100, "Unknown path components", status).response

    def limited(self, rule: Rule, operation: str) -> web.Response:
        """Meta says nothing about how long."""
        if rule.limit == "secondary":
            return refusal(131056, "Too many messages sent to the same user in a short period of time").response
        return refusal(130429, "Too many messages sent from this phone number in a short period", 429).response

    def passing(self, operation: str) -> list[web.Response]:
        return [
            refusal(131016, "A service is temporarily unavailable.", 503).response,
            refusal(131057, "Business Account is in maintenance mode", 503).response,
        ]

    def act(self, act: str, details: Json) -> Json:
        """Do something as a person: `phone`, `user`, `name` and `number` say who, and to whom.

        say (text), send (type, content), upload (file: its name, content in base64, content_type, caption),
        press (id, title, of; row=True), react (emoji, of), edit (text, of), revoke (of), new_number (to, new_user),
        echo (type, content).
        lapse (how: "refused" or "reported"): 24 hours pass. fail (of, code, details): a message is not delivered.
        forget (id): a file is deleted. rotate (tokens, secret): other access tokens, another app secret.
        """
        if act == "rotate":
            self._rotate(**details)
            return {}
        who = {name: details.pop(name) for name in ("phone", "user", "name", "number") if name in details}
        person = Webhook(**({"number": self._options.whatsapp_number} | who), secret=self._secret)
        if act == "fail":
            return self._fail(details["of"], details["code"], details.get("details", "as the test says"))
        if act == "forget":
            self._files.forget(details["id"])
            return {}
        if act == "lapse":
            self._closed[person.user_id] = self._closed[person.phone] = details["how"]
            return {}
        self._users[person.phone] = self._users[person.user_id] = person
        for key in (person.user_id, person.phone):
            self._closed.pop(key, None)
        if act == "upload":
            content_type = details.get("content_type", "image/png")
            file = self._files.keep(details["file"], content_type, base64.b64decode(details["content"]))
            kind = content_type.partition("/")[0]
            kind = kind if kind in MEDIA else "document"
            content = self._files.attached(file) | {"caption": details.get("caption")}
            details = {"type": kind, "content": content | ({"filename": file.name} if kind == "document" else {})}
            act = "send"
        works: dict[str, Callable[..., Any]] = {
            "say": lambda text, **more: person.text(text, **more), "send": person.message, "press": person.pressed,
            "react": person.reaction, "edit": lambda text, of: person.edited(text, of=of), "revoke": person.revoked,
            "new_number": lambda to, new_user="": person.new_number(to, new_user), "echo": person.echo,
        }  # fmt: skip
        delivery = works[act](**details)
        self._hooks.emit(NAME, delivery)
        return cast("Json", msgspec.json.decode(delivery.body))

    def state(self) -> Json:
        """Return typing indicators, reactions, files, and when each message's first status was taken (ms)."""
        reported: dict[str, int] = {}
        for attempt in self._hooks.attempts:
            if attempt.platform == NAME and attempt.status == "OK":
                for change in attempt.payload["entry"][0]["changes"]:
                    for status in change["value"].get("statuses", []):
                        reported.setdefault(status["id"], int((attempt.at + attempt.duration) * 1000))
        return {
            "typing": self._typing,
            "reactions": self._reactions,
            "files": self._files.state(),
            "reported": reported,
        }

    def _served(self, work: Callable[[web.Request], Awaitable[Json]]) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            self._authorize(request)
            return answer(await work(request))

        return handler

    def _authorize(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if given not in self._tokens:
            raise refusal(190, "Invalid OAuth access token - Cannot parse access token", 401)
        number = request.match_info.get("number", "")
        if self._tokens[given] and request.method == "POST" and number != self._tokens[given]:
            raise refusal(10, "(#10) Application does not have permission for this action", 403)

    async def _post(self, request: web.Request) -> Json:
        fields: Json = await request.json()
        number = request.match_info["number"]
        if fields.get("messaging_product") != "whatsapp":
            raise refusal(100, "The parameter messaging_product is required.")
        if fields.get("status") == "read":
            if "typing_indicator" in fields:
                self._typing.append(str(fields["message_id"]))
            return {"success": True}
        whom = str(fields.get("to") or fields.get("recipient") or "").removeprefix("+")
        if not whom:
            raise refusal(100, "The parameter to is required.")
        person = self._person(number, whom)
        kind = str(fields.get("type", "text"))
        content: Json = fields.get(kind) or {}
        text = shown(kind, content, self._files)
        closed = self._closed.get(whom, "") if kind not in ("template", "reaction") else ""
        if closed == "refused":
            raise refusal(131047, _CLOSED)
        id, data = new_id(), str(fields.get("biz_opaque_callback_data", ""))
        self._sent[id] = person, data
        if kind == "reaction":
            self._reactions[str(content.get("message_id"))] = text
        elif not closed:
            self._keep(id, number, whom, person, text, fields)
        if closed:
            self._fail(id, 131047, _CLOSED)
        else:
            for state in self._options.whatsapp_statuses.split(","):
                if state:
                    self._hooks.emit(NAME, person.statuses(person.status(id, state, data)))
        contact = {"input": whom, "wa_id": person.phone} if person.phone else {"input": whom, "user_id": person.user_id}
        return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": id}]}

    def _keep(self, id: str, number: str, whom: str, person: Webhook, text: str, fields: Json) -> None:
        kind = str(fields.get("type", "text"))
        blocks = [fields[kind]] if kind != "text" else []
        thread, key = f"{number}/{person.phone or whom}", str(fields.get("biz_opaque_callback_data", ""))
        self._journal.posted(
            NAME, "messages", id=id, thread=thread, body=text, key=key, who=number, blocks=blocks
        )  # fmt: skip

    def _fail(self, id: str, code: int, details: str) -> Json:
        person, data = self._sent[id]
        failed = person.status(id, "failed", data, [reported(code, details)])
        self._hooks.emit(NAME, person.statuses(failed))
        return failed

    def _person(self, number: str, whom: str) -> Webhook:
        secret = self._secret
        if whom in self._users:
            known = self._users[whom]
            return Webhook(number=number, phone=known.phone, user=known.user_id, name=known.name, secret=secret)
        if whom.isdigit():
            return Webhook(number=number, phone=whom, secret=secret)
        return Webhook(number=number, phone="", user=whom, secret=secret)

    async def _upload(self, request: web.Request) -> Json:
        return await self._files.upload(request)

    async def _get(self, request: web.Request) -> Json:
        id = request.match_info["number"]
        if id in self._files:
            return self._files.describe(id)
        if id != self._options.whatsapp_number and not id.startswith("1065"):
            return self._files.describe(id)
        return {"display_phone_number": "+1 555-078-3881", "verified_name": "Lucky Shrub", "id": id}

    async def _me(self, request: web.Request) -> Json:
        return {"id": "122100000000000001", "name": "Answerbot"}

    async def _permissions(self, request: web.Request) -> Json:
        named = self._options.whatsapp_permissions.split(",")
        return {"data": [{"permission": each, "status": "granted"} for each in named if each]}

    async def _download(self, request: web.Request) -> web.Response:
        self._authorize(request)
        return self._files.content(request.match_info["number"])


def _operation(body: bytes) -> str:
    """Return the operation of a request to /messages: one shows that we type, any other sends."""
    return "messages.read" if b'"status":"read"' in body.replace(b" ", b"") else "messages"
