"""The chats of Telegram's stand-in: every chat and person exists once it is named."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from answerback.testing.standins.options import Options
from answerback.testing.standins.values import Json

SUPERGROUP = -1_000_000_000_000
"""Ids of supergroups and channels are below this; those of groups are above it, and those of people positive."""


class Bot(NamedTuple):
    """One of our bots."""

    token: str
    id: int
    username: str

    @property
    def user(self) -> Json:
        """The bot as a user."""
        return {"id": self.id, "is_bot": True, "first_name": self.username.capitalize(), "username": self.username}


@dataclass
class Message:
    """A message of a chat. `bot`: the bot that wrote it, or a person (None)."""

    chat: int
    id: int
    author: Json
    text: str
    bot: Bot | None = None
    topic: int = 0
    business: str = ""
    reply_to: int = 0
    entities: list[Json] = field(default_factory=list)
    markup: Json | None = None
    more: Json = field(default_factory=dict)
    date: int = field(default_factory=lambda: int(time.time()))
    edited: int = 0
    reactions: dict[int, list[Json]] = field(default_factory=dict)


class Chats:
    """All chats."""

    def __init__(self, options: Options) -> None:
        names = [options.telegram_username, *(f"{options.telegram_username}{number}" for number in range(2, 10))]
        self._named = list(zip(options.telegram_token.split(","), names, strict=False))
        self.bots: list[Bot] = []
        self.reset()

    def reset(self) -> None:
        """Delete everything, and accept the first tokens."""
        self.bots[:] = [Bot(token, int(token.partition(":")[0]), name) for token, name in self._named]
        self._messages: dict[tuple[int, int], Message] = {}
        self._last: dict[int, itertools.count[int]] = {}
        self._people: dict[int, Json] = {}
        self.blocked: set[tuple[int, int]] = set()
        """Pairs of a bot and a chat in which it may not write."""
        self.moved: dict[int, int] = {}
        """Groups that have become supergroups: the old id → the new one."""
        self.forums: set[int] = set()

    def by_token(self, token: str) -> Bot | None:
        """Return the bot with a token."""
        return next((bot for bot in self.bots if bot.token == token), None)

    def rotate(self, id: int, token: str) -> None:
        """Give a bot another token, as @BotFather does: the former one is refused."""
        self.bots[:] = [bot._replace(token=token) if bot.id == id else bot for bot in self.bots]

    def person(self, id: int, name: str = "") -> Json:
        """Return a person as a user."""
        if name or id not in self._people:
            first = name or f"Person {id}"
            self._people[id] = {"id": id, "is_bot": False, "first_name": first, "language_code": "en"}
        return self._people[id]

    def chat(self, id: int) -> Json:
        """Return a chat as Telegram shows it."""
        if id > 0:
            return {"id": id, "type": "private", "first_name": self.person(id)["first_name"]}
        forum = {"is_forum": True} if id in self.forums else {}
        return {"id": id, "title": "Widgets", "type": "supergroup" if id < SUPERGROUP else "group", **forum}

    def next_id(self, chat: int) -> int:
        """Return the id of the next message of a chat."""
        return next(self._last.setdefault(chat, itertools.count(1)))

    def keep(self, message: Message) -> Message:
        """Store a message."""
        self._messages[message.chat, message.id] = message
        return message

    def find(self, chat: int, id: int) -> Message | None:
        """One message."""
        return self._messages.get((chat, id))

    def remove(self, message: Message) -> None:
        """Delete a message."""
        del self._messages[message.chat, message.id]

    def json(self, message: Message, *, deep: bool = True) -> Json:
        """Return a message as Telegram shows it."""
        found: Json = {
            "message_id": message.id, "from": message.author, "chat": self.chat(message.chat), "date": message.date,
        }  # fmt: skip
        if message.topic:
            found |= {"message_thread_id": message.topic, "is_topic_message": True}
        if message.business:
            found["business_connection_id"] = message.business
        if message.edited:
            found["edit_date"] = message.edited
        if message.text:
            caption = any(kind in message.more for kind in ("photo", "document", "voice", "video"))
            found["caption" if caption else "text"] = message.text
            if message.entities:
                found["caption_entities" if caption else "entities"] = message.entities
        if deep and message.reply_to and (answered := self.find(message.chat, message.reply_to)):
            found["reply_to_message"] = self.json(answered, deep=False)
        if message.markup:
            found["reply_markup"] = message.markup
        return found | message.more
