"""Telegram's Bot API, as far as a bot like ours needs it: https://core.telegram.org/bots/api"""

from __future__ import annotations

import base64
import math
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from answerback.testing.standins.faults import Rule
from answerback.testing.standins.hooks import Hooks
from answerback.testing.standins.journal import Journal
from answerback.testing.standins.options import Options
from answerback.testing.standins.standin import Handler, Operation, Refusal, StandIn, answer
from answerback.testing.standins.telegram.calls import Call, call_of, refusal, response
from answerback.testing.standins.telegram.chats import Chats
from answerback.testing.standins.telegram.messages import Messages
from answerback.testing.standins.telegram.people import People
from answerback.testing.standins.telegram.updates import NAME, Updates, Webhook
from answerback.testing.standins.values import Json

Work = Callable[[Call], Awaitable[Any]]


class Telegram(StandIn):
    """Our bots, and the chats in which they are."""

    name = NAME

    def __init__(self, options: Options, journal: Journal, hooks: Hooks) -> None:
        self._chats = Chats(options)
        self._updates = Updates(options, hooks, self._chats.bots)
        self._messages = Messages(options, self._chats, journal)
        self._people = People(self._chats, self._updates, self._messages)
        self.reset()

    def reset(self) -> None:
        for part in (self._chats, self._updates, self._messages):
            part.reset()
        self._commands: list[Json] = []
        self._answered: list[str] = []

    def operations(self) -> list[Operation]:
        methods: dict[str, Work] = {
            "getMe": self._me,
            "getUpdates": self._get_updates,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": self._webhook_info,
            "setMyCommands": self._set_commands,
            "getMyCommands": self._get_commands,
            "answerCallbackQuery": self._answer_query,
            "getFile": self._get_file,
            "sendMessage": self._messages.send,
            "sendDocument": self._messages.send_document,
            "sendPhoto": self._messages.send_photo,
            "sendMediaGroup": self._messages.send_album,
            "editMessageText": self._messages.edit,
            "deleteMessage": self._messages.delete,
            "setMessageReaction": self._messages.react,
            "sendChatAction": self._messages.act,
        }
        return [
            *(
                Operation(verb, f"/bot{{token}}/{name}", name, self._served(work))
                for verb in ("GET", "POST")
                for name, work in methods.items()
            ),
            Operation("GET", "/file/bot{token}/{path:.+}", "download", self._download),
        ]

    def error(self, status: int, message: str) -> web.Response:
        return response(status, message)

    def limited(self, rule: Rule, operation: str) -> web.Response:
        """https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this"""
        wait = math.ceil(rule.pause(5))
        return response(429, f"Too Many Requests: retry after {wait}", retry_after=wait)

    def passing(self, operation: str) -> list[web.Response]:
        """What a proxy, an outage or a new chat may cause."""
        return [response(400, "Bad Request: chat not found"), response(401, "Unauthorized"), response(404, "Not Found")]

    def seed(self, said: Json) -> Json:
        """Store a person's message: chat, text; optional message_id, user, topic."""
        return self._chats.json(self._people.write(said))

    def act(self, act: str, details: Json) -> Json:
        return self._people.act(act, details)

    def state(self) -> Json:
        return {
            "files": list(self._messages.files.values()),
            "statuses": self._messages.statuses,
            "answered": len(self._answered) + self._updates.presses,
            "commands": self._commands,
            "pending": {bot.username: self._updates.pending(bot) for bot in self._chats.bots},
        }

    def _served(self, work: Work) -> Handler:
        """Return the handler of a method: the token, then the method."""

        async def handler(request: web.Request) -> web.Response:
            bot = self._chats.by_token(request.match_info["token"])
            if bot is None:
                raise refusal(401, "Unauthorized")
            return answer({"ok": True, "result": await work(await call_of(request, bot))})

        return handler

    async def _me(self, call: Call) -> Json:
        """https://core.telegram.org/bots/api#getme"""
        more = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
        return call.bot.user | more

    async def _get_updates(self, call: Call) -> list[Json]:
        """https://core.telegram.org/bots/api#getupdates"""
        if self._updates.webhook(call.bot):
            raise refusal(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the "
                "webhook first",
            )
        limit, timeout = call.number("limit", 100), call.number("timeout")
        allowed = call.plain("allowed_updates") or []
        found = await self._updates.get(call.bot, call.number("offset"), limit, timeout, allowed)
        if found is None:
            raise refusal(
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
            )
        return found

    async def _set_webhook(self, call: Call) -> bool:
        """https://core.telegram.org/bots/api#setwebhook"""
        url = call.word("url")
        queue = self._updates.of(call.bot)
        # A request for updates ends at once.
        queue.turn += 1
        queue.changed.set()
        queue.webhook = Webhook(url, call.word("secret_token"), call.plain("allowed_updates") or []) if url else None
        if queue.webhook:
            waiting = list(queue.waiting)
            queue.waiting.clear()
            for update in waiting:
                kind = next(name for name in update if name != "update_id")
                self._updates.add(call.bot, kind, update[kind], update[kind].get("chat", {}).get("id", 0))
        return True

    async def _delete_webhook(self, call: Call) -> bool:
        """https://core.telegram.org/bots/api#deletewebhook"""
        self._updates.of(call.bot).webhook = None
        return True

    async def _webhook_info(self, call: Call) -> Json:
        """https://core.telegram.org/bots/api#getwebhookinfo"""
        found = self._updates.webhook(call.bot)
        info: Json = {"url": found.url if found else "", "has_custom_certificate": False}
        info["pending_update_count"] = self._updates.pending(call.bot)
        if found and found.error:
            info |= {"last_error_date": found.error_at, "last_error_message": found.error}
        return info | ({"allowed_updates": found.allowed} if found and found.allowed else {})

    async def _set_commands(self, call: Call) -> bool:
        """https://core.telegram.org/bots/api#setmycommands"""
        self._commands = call.plain("commands") or []
        return True

    async def _get_commands(self, call: Call) -> list[Json]:
        return self._commands

    async def _answer_query(self, call: Call) -> bool:
        """https://core.telegram.org/bots/api#answercallbackquery"""
        self._answered.append(call.word("callback_query_id"))
        return True

    async def _get_file(self, call: Call) -> Json:
        """https://core.telegram.org/bots/api#getfile"""
        found = self._messages.files.get(call.word("file_id"))
        if found is None:
            raise refusal(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        return {"file_id": call.word("file_id"), "file_unique_id": "x", "file_path": found["path"]}

    async def _download(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        found = next((file for file in self._messages.files.values() if file["path"] == path), None)
        if found is None or self._chats.by_token(request.match_info["token"]) is None:
            raise Refusal(response(404, "Not Found"))
        return web.Response(body=base64.b64decode(found["content"]), content_type="application/octet-stream")
