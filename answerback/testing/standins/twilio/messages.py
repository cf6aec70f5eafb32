"""Sending and listing messages: https://www.twilio.com/docs/messaging/api/message-resource"""

from __future__ import annotations

import asyncio
import base64
import time
from collections import deque
from urllib.parse import parse_qsl, urlencode

import aiohttp
import msgspec
from aiohttp import web

from answerback.testing.standins.hooks import Hooks
from answerback.testing.standins.journal import Journal
from answerback.testing.standins.standin import Operation, answer
from answerback.testing.standins.twilio.account import NAME, VERSION, Message, World, refusal
from answerback.testing.standins.twilio.signing import sid
from answerback.testing.standins.twilio.webhooks import Twilio
from answerback.testing.standins.values import Json

LONGEST = 1600
REFUSED = {
    "+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408, "+15005550004": 21610, "+15005550009": 21614,
}  # fmt: skip
"""Numbers that Twilio refuses, as its test credentials do: https://www.twilio.com/docs/iam/test-credentials"""
UNREACHABLE = {"+15005550030": 30003, "+15005550031": 30007}
"""Numbers to which messages fail after they were accepted."""


class Messages:
    """The messages of all accounts."""

    def __init__(self, world: World, journal: Journal, hooks: Hooks) -> None:
        self._world, self._journal, self._hooks = world, journal, hooks
        self._recent: deque[float] = deque()

    def operations(self) -> list[Operation]:
        path = f"/{VERSION}/Accounts/{{account}}/Messages"
        return [
            Operation("POST", f"{path}.json", "messages.create", self._create),
            Operation("GET", f"{path}.json", "messages.list", self._list),
            Operation("GET", f"{path}/{{sid}}.json", "messages.fetch", self._fetch),
        ]

    def reset(self) -> None:
        self._recent.clear()

    async def _create(self, request: web.Request) -> web.Response:
        account = self._world.authorized(request)
        form = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        self._limit()
        made = Message(
            sid=sid("SM"),
            account=account,
            ours=form.get("From", ""),
            theirs=form.get("To", ""),
            service=form.get("MessagingServiceSid", ""),
            body=self._body(form),
            made=time.time(),
            callback=form.get("StatusCallback", ""),
        )
        self._check(made)
        made.media = [await self._fetched(url) for url in ([form["MediaUrl"]] if "MediaUrl" in form else [])]
        self._world.messages.append(made)
        self._journal.posted(
            NAME, "messages.create", id=made.sid, thread=f"{made.service or made.ours}/{made.theirs}", body=made.body,
            key="", who=account,
        )  # fmt: skip
        shown = made.shown()
        self._hooks.track(self._travel(made, template="ContentSid" in form))
        return answer(shown, 201)

    def _body(self, form: dict[str, str]) -> str:
        if content := form.get("ContentSid"):
            if not content.startswith("HX"):
                raise refusal(21655)
            variables: dict[str, str] = msgspec.json.decode(form.get("ContentVariables", "{}"))
            return f"About your question: {', '.join(variables.values())}"
        if not form.get("Body") and not form.get("MediaUrl"):
            raise refusal(21619)
        return form.get("Body", "")

    async def _fetched(self, url: str) -> Json:
        """Fetch a file from our public URL, as Twilio does before it sends."""
        known, there = self._world.options.twilio_url, self._hooks.url.partition("/webhooks")[0]
        if not url.startswith(f"{known}/"):
            raise refusal(21620)
        there += url.removeprefix(known)
        async with aiohttp.ClientSession() as session, session.get(there) as response:
            content = base64.b64encode(await response.read()).decode() if response.status == 200 else ""
            return {"url": url, "type": response.content_type, "content": content}

    def _limit(self) -> None:
        limit, now = self._world.options.twilio_messages_per_second, time.monotonic()
        while self._recent and now - self._recent[0] > 1:
            self._recent.popleft()
        if limit and len(self._recent) >= limit:
            raise refusal(20429, 429)
        self._recent.append(now)

    def _check(self, message: Message) -> None:
        if not message.theirs:
            raise refusal(21604)
        if not message.ours and not message.service:
            raise refusal(21603)
        if message.ours and message.ours not in self._world.numbers:
            raise refusal(21606)
        if len(message.body) > LONGEST:
            raise refusal(21617)
        if code := REFUSED.get(message.theirs):
            raise refusal(code)
        if (message.service or message.ours, message.theirs) in self._world.opted_out:
            raise refusal(21610)

    async def _travel(self, message: Message, *, template: bool) -> None:
        """Send the message to its carrier, and report each status."""
        error = UNREACHABLE.get(message.theirs, 0)
        if any(not each["content"] for each in message.media):
            error = 11200
        if message.theirs in self._world.closed and not template:
            error = 63016
        states = ["sent", "undelivered"] if error else ["sent", "delivered"]
        if error == 63016:
            states = ["failed"]
        for state in states:
            await asyncio.sleep(self._world.options.twilio_status_seconds)
            message.status, message.sent = state, time.time()
            failed = state in ("undelivered", "failed")
            message.error = error if failed else None
            self._report(message, error if failed else 0)

    def _report(self, message: Message, error: int) -> None:
        known = self._world.options.twilio_url
        if not message.callback.startswith(f"{known}/"):
            return
        url, _, query = message.callback.partition("?")
        by = Twilio(
            account=message.account,
            ours=message.ours,
            theirs=message.theirs,
            secret=self._world.accounts[message.account],
            url=url,
        )
        self._hooks.emit(NAME, by.status(message.sid, message.status, query, error=error))

    async def _list(self, request: web.Request) -> web.Response:
        account = self._world.authorized(request)
        query = request.query
        size, page = int(query.get("PageSize", "50")), int(query.get("Page", "0"))
        found = [
            message
            for message in reversed(self._world.messages)
            if message.account == account
            and query.get("To", message.theirs) == message.theirs
            and query.get("From", message.ours) == message.ours
        ]
        more = len(found) > (page + 1) * size
        path = f"/{VERSION}/Accounts/{account}/Messages.json"
        following = f"{path}?{urlencode({**query, 'PageSize': size, 'Page': page + 1})}" if more else None
        shown = [message.shown() for message in found[page * size : (page + 1) * size]]
        return answer({"messages": shown, "page": page, "page_size": size, "next_page_uri": following, "uri": path})

    async def _fetch(self, request: web.Request) -> web.Response:
        account = self._world.authorized(request)
        for message in self._world.messages:
            if (message.account, message.sid) == (account, request.match_info["sid"]):
                return answer(message.shown())
        raise refusal(20404, 404)
