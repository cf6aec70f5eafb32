"""What people do in Telegram, with the updates that our bots get because of it."""

from __future__ import annotations

import base64
import itertools
import time
from collections.abc import Callable

from answerback.testing.standins.telegram.chats import Bot, Chats, Message
from answerback.testing.standins.telegram.entities import spoken
from answerback.testing.standins.telegram.messages import Messages
from answerback.testing.standins.telegram.updates import Updates
from answerback.testing.standins.values import Json

_queries = itertools.count(1_198_546_699_911_341_234)


class People:
    """The people in all chats."""

    def __init__(self, chats: Chats, updates: Updates, messages: Messages) -> None:
        self._chats, self._updates, self._messages = chats, updates, messages
        self._acts: dict[str, Callable[[Json], Json]] = {
            "say": self._say,
            "edit": self._edit,
            "react": self._react,
            "press": self._press,
            "upload": self._upload,
            "block": self._block,
            "migrate": self._migrate,
            "business": self._business,
        }

    def act(self, act: str, details: Json) -> Json:
        """Do something, as `client.StandIns.act` describes it."""
        if act not in self._acts:
            raise ValueError(f"people do not {act!r} here, but {', '.join(self._acts)}")
        return self._acts[act](details)

    def write(self, told: Json) -> Message:
        """Store a person's message without an update."""
        chat, text = int(told.get("chat", 279058397)), str(told.get("text", ""))
        user = int(told.get("user", chat if chat > 0 else 279058397))
        author = self._chats.person(user, str(told.get("name", "")))
        id = told.get("message_id") or self._chats.next_id(chat)
        message = Message(chat, id, author, text, topic=told.get("topic", 0), reply_to=told.get("reply_to", 0))
        if message.topic:
            self._chats.forums.add(chat)
        message.entities, message.more = spoken(text), told.get("more", {})
        return self._chats.keep(message)

    def _say(self, told: Json) -> Json:
        """Write a message: chat, text; optional user, name, topic, reply_to, bot (which of ours gets it)."""
        return self._tell("message", self.write(told), told)

    def _edit(self, told: Json) -> Json:
        message = self._message(told)
        message.text, message.entities, message.edited = told["text"], spoken(told["text"]), int(time.time())
        return self._tell("edited_message", message, told)

    def _react(self, told: Json) -> Json:
        """Have these reactions to a message: `emoji`, a list; an empty one takes them back."""
        message = self._message(told)
        user = self._chats.person(told.get("user", 279058397))
        before = message.reactions.get(user["id"], [])
        after = [{"type": "emoji", "emoji": emoji} for emoji in told.get("emoji", ["👍"])]
        message.reactions[user["id"]] = after
        content = {
            "chat": self._chats.chat(message.chat), "message_id": message.id, "user": user, "date": int(time.time()),
            "old_reaction": before, "new_reaction": after,
        }  # fmt: skip
        return self._updates.add(self._bot(told), "message_reaction", content, message.chat)

    def _press(self, told: Json) -> Json:
        """Press the button with this `label` of a message."""
        message = self._message(told)
        rows = (message.markup or {}).get("inline_keyboard", [])
        data = next((each["callback_data"] for row in rows for each in row if each["text"] == told["label"]), None)
        if data is None:
            raise ValueError(f"the message has no button {told['label']!r}")
        user = self._chats.person(told.get("user", message.chat if message.chat > 0 else 279058397))
        query = {
            "id": str(next(_queries)), "from": user, "message": self._chats.json(message), "chat_instance": "1",
            "data": data,
        }  # fmt: skip
        return self._updates.add(self._bot(told), "callback_query", query, message.chat)

    def _upload(self, told: Json) -> Json:
        """Send a file: name, content in base64, kind ("document", "photo", "voice", "video"), optional album."""
        content, kind = base64.b64decode(told["content"]), told.get("kind", "document")
        shown = self._messages.store(kind, told["name"], told.get("type", "text/plain"), content)
        more = shown | ({"media_group_id": told["album"]} if "album" in told else {})
        return self._tell("message", self.write(told | {"more": more}), told)

    def _block(self, told: Json) -> Json:
        """Block a bot, or remove it from a group; with back=True, take that back."""
        bot, chat, back = self._bot(told), told["chat"], told.get("back", False)
        (self._chats.blocked.discard if back else self._chats.blocked.add)((bot.id, chat))
        status = {"user": bot.user, "status": "member" if back else "kicked"}
        changed = {
            "chat": self._chats.chat(chat), "from": self._chats.person(told.get("user", 279058397)),
            "date": int(time.time()), "old_chat_member": status, "new_chat_member": status,
        }  # fmt: skip
        return self._updates.add(bot, "my_chat_member", changed, chat)

    def _migrate(self, told: Json) -> Json:
        """Make a group a supergroup: chat, to."""
        chat, to, bot = told["chat"], told["to"], self._bot(told)
        self._chats.moved[chat] = to
        self._tell("message", self.write({"chat": chat, "more": {"migrate_to_chat_id": to}}), told)
        self._updates.add(
            bot, "message", self._chats.json(self.write({"chat": to, "more": {"migrate_from_chat_id": chat}})), to
        )
        return {"id": to}

    def _business(self, told: Json) -> Json:
        """Write in the chat of a business account and its customer: connection, chat, text; user is the writer."""
        message = self.write(told)
        message.business = told.get("connection", "Fq2rDkzVWUmGEAAA1gxWkFqT4vM")
        return self._tell("business_message", message, told)

    def _tell(self, kind: str, message: Message, told: Json) -> Json:
        shown = self._chats.json(message)
        self._updates.add(self._bot(told), kind, shown, message.chat)
        return shown

    def _bot(self, told: Json) -> Bot:
        return next((bot for bot in self._chats.bots if bot.id == told.get("bot")), self._chats.bots[0])

    def _message(self, told: Json) -> Message:
        message = self._chats.find(told["chat"], told["message_id"])
        if message is None:
            raise ValueError(f"there is no message {told['chat']}/{told['message_id']} on Telegram")
        return message
