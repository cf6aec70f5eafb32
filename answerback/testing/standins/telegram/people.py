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
            "rotate": self._rotate,
        }

    def act(self, act: str, details: Json) -> Json:
        """Do something, as `client.StandIns.act` describes it."""
        if act not in self._acts:
            raise ValueError(f"people do not {act!r} here, but {', '.join(self._acts)}")
        return self._acts[act](details)

    def write(self, fields: Json) -> Message:
        """Store a person's message without an update."""
        chat, text = int(fields.get("chat", 279058397)), str(fields.get("text", ""))
        user = int(fields.get("user", chat if chat > 0 else 279058397))
        author = self._chats.person(user, str(fields.get("name", "")))
        id = fields.get("message_id") or self._chats.next_id(chat)
        message = Message(chat, id, author, text, topic=fields.get("topic", 0), reply_to=fields.get("reply_to", 0))
        if message.topic:
            self._chats.forums.add(chat)
        message.entities, message.more = spoken(text), fields.get("more", {})
        return self._chats.keep(message)

    def _say(self, fields: Json) -> Json:
        """Write a message: chat, text; optional user, name, topic, reply_to, bot (which of ours gets it)."""
        return self._tell("message", self.write(fields), fields)

    def _edit(self, fields: Json) -> Json:
        message = self._message(fields)
        message.text, message.entities, message.edited = fields["text"], spoken(fields["text"]), int(time.time())
        return self._tell("edited_message", message, fields)

    def _react(self, fields: Json) -> Json:
        """Have these reactions to a message: `emoji`, a list; an empty one takes them back."""
        message = self._message(fields)
        user = self._chats.person(fields.get("user", 279058397))
        before = message.reactions.get(user["id"], [])
        after = [{"type": "emoji", "emoji": emoji} for emoji in fields.get("emoji", ["👍"])]
        message.reactions[user["id"]] = after
        content = {
            "chat": self._chats.chat(message.chat), "message_id": message.id, "user": user, "date": int(time.time()),
            "old_reaction": before, "new_reaction": after,
        }  # fmt: skip
        return self._updates.add(self._bot(fields), "message_reaction", content, message.chat)

    def _press(self, fields: Json) -> Json:
        """Press the button with this `label` of a message."""
        message = self._message(fields)
        rows = (message.markup or {}).get("inline_keyboard", [])
        data = next((each["callback_data"] for row in rows for each in row if each["text"] == fields["label"]), None)
        if data is None:
            raise ValueError(f"the message has no button {fields['label']!r}")
        user = self._chats.person(fields.get("user", message.chat if message.chat > 0 else 279058397))
        query = {
            "id": str(next(_queries)), "from": user, "message": self._chats.json(message), "chat_instance": "1",
            "data": data,
        }  # fmt: skip
        return self._updates.add(self._bot(fields), "callback_query", query, message.chat)

    def _upload(self, fields: Json) -> Json:
        """Send a file: name, content in base64, kind ("document", "photo", "voice", "video"), optional album."""
        content, kind = base64.b64decode(fields["content"]), fields.get("kind", "document")
        shown = self._messages.store(kind, fields["name"], fields.get("type", "text/plain"), content)
        more = shown | ({"media_group_id": fields["album"]} if "album" in fields else {})
        return self._tell("message", self.write(fields | {"more": more}), fields)

    def _block(self, fields: Json) -> Json:
        """Block a bot, or remove it from a group; with back=True, take that back."""
        bot, chat, back = self._bot(fields), fields["chat"], fields.get("back", False)
        (self._chats.blocked.discard if back else self._chats.blocked.add)((bot.id, chat))
        status = {"user": bot.user, "status": "member" if back else "kicked"}
        changed = {
            "chat": self._chats.chat(chat), "from": self._chats.person(fields.get("user", 279058397)),
            "date": int(time.time()), "old_chat_member": status, "new_chat_member": status,
        }  # fmt: skip
        return self._updates.add(bot, "my_chat_member", changed, chat)

    def _migrate(self, fields: Json) -> Json:
        """Make a group a supergroup: chat, to."""
        chat, to, bot = fields["chat"], fields["to"], self._bot(fields)
        self._chats.moved[chat] = to
        self._tell("message", self.write({"chat": chat, "more": {"migrate_to_chat_id": to}}), fields)
        self._updates.add(
            bot, "message", self._chats.json(self.write({"chat": to, "more": {"migrate_from_chat_id": chat}})), to
        )
        return {"id": to}

    def _business(self, fields: Json) -> Json:
        """Write in the chat of a business account and its customer: connection, chat, text; user is the writer."""
        message = self.write(fields)
        message.business = fields.get("connection", "Fq2rDkzVWUmGEAAA1gxWkFqT4vM")
        return self._tell("business_message", message, fields)

    def _rotate(self, fields: Json) -> Json:
        """Give a bot another token: bot, token."""
        self._chats.rotate(fields["bot"], fields["token"])
        return {}

    def _tell(self, kind: str, message: Message, fields: Json) -> Json:
        shown = self._chats.json(message)
        self._updates.add(self._bot(fields), kind, shown, message.chat)
        return shown

    def _bot(self, fields: Json) -> Bot:
        return next((bot for bot in self._chats.bots if bot.id == fields.get("bot")), self._chats.bots[0])

    def _message(self, fields: Json) -> Message:
        message = self._chats.find(fields["chat"], fields["message_id"])
        if message is None:
            raise ValueError(f"there is no message {fields['chat']}/{fields['message_id']} on Telegram")
        return message
