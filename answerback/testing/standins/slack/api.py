"""The part of Slack's Web API that a replying bot needs: https://docs.slack.dev/apis/web-api/

An error is a response with status 200 and `ok: false`; only a rate limit has another status.
"""

from __future__ import annotations

import math
import time
from typing import Any

import msgspec
from aiohttp import web

from answerback.testing.standins.faults import Rule
from answerback.testing.standins.hooks import Hooks
from answerback.testing.standins.journal import Journal
from answerback.testing.standins.options import Options
from answerback.testing.standins.slack.conversations import Conversations, Message, Window
from answerback.testing.standins.slack.webhooks import Slack as Webhook
from answerback.testing.standins.standin import Operation, Refusal, StandIn, answer
from answerback.testing.standins.values import Json

LONGEST, LONGEST_MARKDOWN, LONGEST_UPDATE = 40_000, 12_000, 4_000
"""Characters of `text`, of `markdown_text`, and of an updated `text`."""


MOST_BLOCKS = 50
"""Blocks of a message: Slack makes some of `markdown_text`, one for each paragraph or heading here."""


def _blocks(markdown: str) -> int:
    return sum(1 for paragraph in markdown.split("\n\n") if paragraph.strip())


def _true(value: object) -> bool:
    return str(value).lower() in ("true", "1")


def refusal(error: str, **more: Any) -> Refusal:
    """Return an error of Slack."""
    return Refusal(answer({"ok": False, "error": error, **more}))


class Slack(StandIn):
    """A workspace: every channel exists once it is named."""

    name = "slack"

    def __init__(self, options: Options, journal: Journal, hooks: Hooks) -> None:
        self._options = options
        self._journal = journal
        self._hooks = hooks
        self._conversations = Conversations()

    def reset(self) -> None:
        self._conversations.reset()

    def operations(self) -> list[Operation]:
        return [
            Operation(method, f"/{name}", name, handler)
            for method in ("GET", "POST")
            for name, handler in (
                ("auth.test", self._auth_test),
                ("chat.postMessage", self._post),
                ("chat.update", self._update),
                ("conversations.replies", self._replies),
            )
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
        response.headers.setdefault("X-OAuth-Scopes", "chat:write,channels:history,im:history")
        response.headers.setdefault("X-Slack-Req-Id", f"{time.time_ns():x}")

    def seed(self, said: dict[str, Any]) -> dict[str, Any]:
        """Store a person's message: channel, text; optional ts, thread_ts, user."""
        message = Message(
            said.get("channel", "C024BE91L"),
            said.get("ts") or self._conversations.timestamp(),
            said.get("text", ""),
            said.get("user", "U2147483697"),
            thread_ts=said.get("thread_ts"),
        )
        self._conversations.keep(message)
        return self._json(message)

    async def _auth_test(self, request: web.Request) -> web.Response:
        await self._arguments(request)
        options = self._options
        url = "https://standin.slack.com/"
        who = {"team": "Stand-in", "user": "answerbot", "team_id": options.slack_team, "user_id": options.slack_user}
        return answer({"ok": True, "url": url, **who, "bot_id": options.slack_bot, "is_enterprise_install": False})

    async def _post(self, request: web.Request) -> web.Response:
        """https://docs.slack.dev/reference/methods/chat.postMessage"""
        arguments = await self._arguments(request)
        if not arguments.get("channel"):
            raise refusal("channel_not_found")
        text, metadata = self._text(arguments, LONGEST), arguments.get("metadata")
        if isinstance(metadata, str):
            try:
                metadata = msgspec.json.decode(metadata)
            except msgspec.DecodeError:
                raise refusal("invalid_metadata_format") from None
        if metadata is not None and not (
            isinstance(metadata, dict)
            and isinstance(metadata.get("event_type"), str)
            and isinstance(metadata.get("event_payload"), dict)
        ):
            raise refusal("invalid_metadata_format")
        channel, thread = str(arguments["channel"]), str(arguments.get("thread_ts") or "") or None
        ts, us = self._conversations.timestamp(), self._options.slack_user
        message = Message(channel, ts, text, us, True, thread, metadata)
        self._conversations.keep(message)
        payload = metadata["event_payload"] if metadata else {}
        self._journal.posted(
            self.name,
            "chat.postMessage",
            id=message.ts,
            thread=f"{channel}/{thread}" if thread else channel,
            body=text,
            key=str(payload.get("key", "")),
            who=self._options.slack_bot,
        )
        if self._hooks.url:
            hook = self._webhook(message).message(text, ts=ts, thread_ts=thread, metadata=metadata)
            self._hooks.emit(self.name, hook)
        return answer({"ok": True, "channel": channel, "ts": message.ts, "message": self._json(message, metadata=True)})

    async def _update(self, request: web.Request) -> web.Response:
        """https://docs.slack.dev/reference/methods/chat.update"""
        arguments = await self._arguments(request)
        message = self._conversations.find(str(arguments.get("channel")), str(arguments.get("ts")))
        if message is None:
            raise refusal("message_not_found")
        if not message.bot:
            raise refusal("cant_update_message")
        before, message.text = message.text, self._text(arguments, LONGEST_UPDATE)
        message.edited = self._conversations.timestamp()
        self._journal.replace_text(self.name, message.ts, message.text)
        hook = self._webhook(message).changed(message.text, ts=message.ts, thread_ts=message.thread_ts, before=before)
        self._hooks.emit(self.name, hook)
        found = {"channel": message.channel, "ts": message.ts, "text": message.text}
        return answer({"ok": True, **found, "message": self._json(message)})

    async def _replies(self, request: web.Request) -> web.Response:
        """https://docs.slack.dev/reference/methods/conversations.replies

        An unknown thread is accepted: the code under test may have it from a webhook.
        """
        arguments = await self._arguments(request)
        channel, ts = str(arguments.get("channel") or ""), str(arguments.get("ts") or "")
        if not channel or not ts:
            raise refusal("invalid_arguments", response_metadata={"messages": ["[ERROR] missing required field"]})
        try:
            size = min(max(int(arguments.get("limit") or 1000), 1), 1000)
            oldest, latest = float(arguments.get("oldest") or 0), float(arguments.get("latest") or 1e12)
        except ValueError:
            raise refusal("invalid_arguments") from None
        window = Window(oldest, latest, _true(arguments.get("inclusive")))
        cursor = str(arguments.get("cursor") or "").removeprefix("after:")
        parent, below = self._conversations.thread(channel, ts)
        shown, more = window.page(below, cursor, size)
        metadata = _true(arguments.get("include_all_metadata"))
        count = {"reply_count": len(below), "latest_reply": below[-1].ts, "thread_ts": parent.ts} if below else {}
        # Every page begins with the parent, whatever the window.
        messages = [self._json(parent) | count, *(self._json(one, metadata=metadata) for one in shown)]
        following = {"response_metadata": {"next_cursor": f"after:{shown[-1].ts}"}} if more else {}
        return answer({"ok": True, "messages": messages, "has_more": more, **following})

    async def _arguments(self, request: web.Request) -> Json:
        """Return the arguments of a request, from its JSON, form or query. Raises `Refusal` for an invalid token."""
        arguments: Json = dict(request.query)
        if request.content_type == "application/json":
            try:
                arguments |= msgspec.json.decode(await request.read() or b"{}", type=dict[str, Any])
            except msgspec.DecodeError:
                raise refusal("invalid_json") from None
        elif request.method == "POST":
            arguments |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = token if scheme.lower() == "bearer" else str(arguments.get("token", ""))
        if not given:
            raise refusal("not_authed")
        if given not in self._options.slack_token.split(","):
            raise refusal("invalid_auth")
        return arguments

    def _text(self, arguments: Json, longest: int) -> str:
        text, markdown = arguments.get("text"), arguments.get("markdown_text")
        if markdown and (text or arguments.get("blocks")):
            raise refusal("markdown_text_conflict")
        if not text and not markdown and not arguments.get("blocks") and not arguments.get("attachments"):
            raise refusal("no_text")
        if markdown and _blocks(str(markdown)) > MOST_BLOCKS:
            raise refusal("invalid_blocks")
        if len(str(markdown or "")) > LONGEST_MARKDOWN or len(str(text or "")) > longest:
            raise refusal("msg_too_long")
        return str(text or markdown or "")

    def _webhook(self, message: Message) -> Webhook:
        options = self._options
        kind = {"D": "im", "G": "group"}.get(message.channel[:1], "channel")
        us = {"user": options.slack_user, "our_user": options.slack_user, "bot_id": options.slack_bot}
        where = {"team": options.slack_team, "channel": message.channel, "channel_type": kind}
        return Webhook(**us, **where, app_id=options.slack_app, secret=options.slack_secret)

    def _json(self, message: Message, *, metadata: bool = False) -> Json:
        options = self._options
        found: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
        found["team"] = options.slack_team
        if message.bot:
            profile = {"id": options.slack_bot, "app_id": options.slack_app, "name": "answerbot", "deleted": False}
            found |= {"bot_id": options.slack_bot, "app_id": options.slack_app, "bot_profile": profile}
        if message.thread_ts is not None:
            found["thread_ts"] = message.thread_ts
        if message.edited is not None:
            found["edited"] = {"user": message.user, "ts": message.edited}
        if metadata and message.metadata is not None:
            found["metadata"] = message.metadata
        return found
