"""Where something happens in Telegram: the ids of threads and messages, and the address of replies."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

import msgspec

from answerback.errors import Rejected
from answerback.events import Address
from answerback.platforms import Place
from answerback.platforms.telegram.payload import Chat, Message
from answerback.replies import Reply

FIRST = "0"
"""What stands for the first bot in our ids: its webhook does not say whose it is."""


_TOPIC = re.compile(r":t([0-9]{1,15})\Z", re.ASCII)


class Room(NamedTuple):
    """A chat as one of our bots sees it.

    Attributes:
        bot: The account: the bot's id, or "" for the first one.
        chat: The chat's id.
        business: The connection through which the bot acts for a person's business account; "" if it does not.
    """

    bot: str
    chat: int
    business: str = ""

    @classmethod
    def of(cls, bot: str, message: Message) -> Self:
        """Return the room of a message."""
        return cls(bot, message.chat.id, message.business_connection_id or "")

    @property
    def id(self) -> str:
        """What the ids of its threads and messages begin with."""
        business = f"b{self.business}:" if self.business else ""
        return f"telegram:{self.bot or FIRST}:{business}{self.chat}"

    def thread(self, topic: int = 0) -> str:
        """Return the id of its thread: the whole chat, or a topic of a forum."""
        return f"{self.id}:t{topic}" if topic else self.id

    def message(self, id: int) -> str:
        """Return the delivery id of a message."""
        return f"{self.id}:{id}"

    def address(self, chat: Chat, topic: int = 0, message: int = 0) -> Address:
        """Return the address of replies. `message`: what a reply refers to in a group."""
        address: Address = {"chat": self.chat}
        if topic:
            address["topic"] = topic
        if self.business:
            address["business"] = self.business
        if message and not chat.private:
            address["message"] = message
        if not chat.private:
            address["group"] = 1
        return address


class TelegramPlace(msgspec.Struct, frozen=True):
    """An address; see `Room.address`."""

    chat: int
    topic: int = 0
    business: str = ""
    message: int = 0
    group: int = 0

    @classmethod
    def of(cls, what: Reply | Place) -> Self:
        """Return the place of a reply, or of an agent at work. Raises `Rejected` if its address is unusable.

        The address of a reaction has no topic: it is that of the thread to which its message belongs.
        """
        try:
            place = msgspec.convert(what.address, cls)
        except msgspec.ValidationError as error:
            raise Rejected(f"there is no usable Telegram address: {error}") from error
        topic = None if place.topic else _TOPIC.search(what.thread)
        return msgspec.structs.replace(place, topic=int(topic[1])) if topic else place

    @property
    def where(self) -> dict[str, object]:
        """The arguments that name it."""
        found: dict[str, object] = {"chat_id": self.chat}
        if self.topic:
            found["message_thread_id"] = self.topic
        return found | self.for_business

    @property
    def for_business(self) -> dict[str, object]:
        """The argument of a business connection, if there is one."""
        return {"business_connection_id": self.business} if self.business else {}

    def message_of(self, target: str) -> dict[str, object]:
        """Return the arguments that name a message: "55", or "-1001:55" of a group that has moved."""
        chat, _, id = target.rpartition(":")
        try:
            return {"chat_id": int(chat) if chat else self.chat, "message_id": int(id)}
        except ValueError:
            raise Rejected(f"Telegram has no message {target[:80]}") from None
