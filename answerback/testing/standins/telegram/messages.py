"""The methods that post, change and delete messages, with Telegram's own refusals."""

from __future__ import annotations

import base64
import time
from collections import deque
from typing import Any

from answerback.testing.standins.journal import Journal
from answerback.testing.standins.options import Options
from answerback.testing.standins.telegram.calls import Call, refusal
from answerback.testing.standins.telegram.chats import Chats, Message
from answerback.testing.standins.telegram.entities import Unparsable, parsed, units
from answerback.testing.standins.values import Json

NAME = "telegram"
LIMIT = 4096


class Messages:
    """What bots write."""

    def __init__(self, options: Options, chats: Chats, journal: Journal) -> None:
        self._options, self._chats, self._journal = options, chats, journal
        self.reset()

    def reset(self) -> None:
        """Forget files and limits."""
        self.files: dict[str, Json] = {}
        self.statuses: list[Json] = []
        self._sent: dict[int, deque[float]] = {}

    async def send(self, call: Call) -> Json:
        """https://core.telegram.org/bots/api#sendmessage"""
        text, entities = self._text(call)
        return self._chats.json(self._post(call, "sendMessage", text, entities))

    async def send_document(self, call: Call) -> Json:
        """https://core.telegram.org/bots/api#senddocument"""
        return self._chats.json(self._file(call, "sendDocument", "document", "document"))

    async def send_photo(self, call: Call) -> Json:
        """https://core.telegram.org/bots/api#sendphoto"""
        return self._chats.json(self._file(call, "sendPhoto", "photo", "photo"))

    async def send_album(self, call: Call) -> list[Json]:
        """https://core.telegram.org/bots/api#sendmediagroup"""
        media = call.plain("media")
        if not isinstance(media, list) or not 2 <= len(media) <= 10:
            raise refusal(400, "Bad Request: wrong number of media in an album")
        posted = []
        for each in media:
            name = str(each.get("media", "")).removeprefix("attach://")
            posted.append(self._chats.json(self._file(call, "sendMediaGroup", each["type"], name)))
        return posted

    async def edit(self, call: Call) -> Json:
        """https://core.telegram.org/bots/api#editmessagetext"""
        message = self._own(call, "edit")
        text, entities = self._text(call)
        markup = call.plain("reply_markup")
        if (text, entities, markup) == (message.text, message.entities, message.markup):
            raise refusal(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the "
                "same as a current content and reply markup of the message",
            )
        message.text, message.entities, message.markup, message.edited = text, entities, markup, int(time.time())
        self._journal.edited(NAME, f"{message.chat}:{message.id}", text, _rows(markup))
        return self._chats.json(message)

    async def delete(self, call: Call) -> bool:
        """https://core.telegram.org/bots/api#deletemessage"""
        message = self._own(call, "delete")
        self._chats.remove(message)
        self._journal.deleted(NAME, f"{message.chat}:{message.id}")
        return True

    async def react(self, call: Call) -> bool:
        """https://core.telegram.org/bots/api#setmessagereaction"""
        message = self._chats.find(self._chat(call), call.number("message_id"))
        if message is None:
            raise refusal(400, "Bad Request: message to react not found")
        wanted = call.plain("reaction") or []
        if len(wanted) > 1:
            raise refusal(400, "Bad Request: REACTIONS_TOO_MANY")
        message.reactions[call.bot.id] = wanted
        return True

    async def act(self, call: Call) -> bool:
        """https://core.telegram.org/bots/api#sendchataction"""
        self.statuses.append({"chat": self._chat(call), "action": call.word("action")})
        return True

    # What all of them check ---------------------------------------------------------------------------

    def _chat(self, call: Call) -> int:
        chat = call.number("chat_id")
        if not chat:
            raise refusal(400, "Bad Request: chat_id is empty")
        if chat in self._chats.moved:
            raise refusal(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=self._chats.moved[chat],
            )
        if (call.bot.id, chat) in self._chats.blocked:
            words = "bot was blocked by the user" if chat > 0 else "bot was kicked from the supergroup chat"
            raise refusal(403, f"Forbidden: {words}")
        return chat

    def _own(self, call: Call, doing: str) -> Message:
        message = self._chats.find(self._chat(call), call.number("message_id"))
        if message is None:
            raise refusal(400, f"Bad Request: message to {doing} not found")
        if message.bot is None or message.bot.id != call.bot.id:
            raise refusal(400, f"Bad Request: message can't be {doing.rstrip('e')}ed")
        return message

    def _text(self, call: Call) -> tuple[str, list[Json]]:
        text, entities = call.word("text"), list[Json]()
        if call.word("parse_mode").lower() == "html":
            try:
                text, entities = parsed(text)
            except Unparsable as error:
                raise refusal(400, f"Bad Request: {error}") from None
        if not text.strip():
            raise refusal(400, "Bad Request: message text is empty")
        if units(text) > LIMIT:
            raise refusal(400, "Bad Request: message is too long")
        return text, entities

    def _post(self, call: Call, operation: str, text: str, entities: list[Json], **more: Any) -> Message:
        chat, markup = self._chat(call), call.plain("reply_markup")
        for row in (markup or {}).get("inline_keyboard", []):
            if any(not 1 <= len(each["callback_data"].encode()) <= 64 for each in row if "callback_data" in each):
                raise refusal(400, "Bad Request: BUTTON_DATA_INVALID")
        quoted = (call.plain("reply_parameters") or {}).get("message_id", 0)
        if quoted and not self._chats.find(chat, quoted):
            if not (call.plain("reply_parameters") or {}).get("allow_sending_without_reply"):
                raise refusal(400, "Bad Request: message to be replied not found")
            quoted = 0
        self._limit(chat)
        topic = call.number("message_thread_id")
        message = Message(chat, self._chats.next_id(chat), call.bot.user, text, call.bot, topic, reply_to=quoted)
        message.business = call.word("business_connection_id")
        message.entities, message.markup, message.more = entities, markup, more
        self._chats.keep(message)
        self._journal.posted(
            NAME,
            operation,
            id=f"{chat}:{message.id}",
            thread=f"{chat}/{topic}" if topic else str(chat),
            body=text,
            key="",
            who=call.bot.username,
            blocks=_rows(markup),
        )
        return message

    def _limit(self, chat: int) -> None:
        most = self._options.telegram_group_per_minute
        if not most or chat > 0:
            return
        now, sent = time.monotonic(), self._sent.setdefault(chat, deque())
        while sent and sent[0] < now - 60:
            sent.popleft()
        if len(sent) >= most:
            wait = int(60 - (now - sent[0])) + 1
            raise refusal(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        sent.append(now)

    def _file(self, call: Call, operation: str, kind: str, name: str) -> Message:
        if name not in call.files:
            raise refusal(400, "Bad Request: there is no document in the request")
        filename, content_type, content = call.files[name]
        shown = self.store(kind, filename, content_type, content)
        return self._post(call, operation, call.word("caption"), [], **shown)

    def store(self, kind: str, name: str, content_type: str, content: bytes) -> Json:
        """Store a file, and return it as a message shows it."""
        id = f"BQACAgIAAxkB{len(self.files):06d}"
        self.files[id] = {
            "name": name,
            "path": f"{kind}s/file_{len(self.files)}",
            "content": base64.b64encode(content).decode(),
        }
        file = {"file_id": id, "file_unique_id": id[-8:], "file_size": len(content)}
        if kind == "photo":
            return {"photo": [{**file, "width": 90, "height": 67}]}
        return {kind: {**file, "file_name": name, "mime_type": content_type}}


def _rows(markup: Json | None) -> list[Any]:
    rows: list[Any] = (markup or {}).get("inline_keyboard", [])
    return rows
