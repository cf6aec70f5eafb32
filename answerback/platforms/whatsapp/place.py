"""Who writes with which of our numbers: the thread, and where a reply goes."""

from __future__ import annotations

from typing import Self

import msgspec

from answerback.errors import Rejected
from answerback.events import Address
from answerback.notifications import Moved


class User(msgspec.Struct, frozen=True):
    """A person on WhatsApp.

    Attributes:
        id: Their business-scoped user id, which every webhook has since April 2026; "" before.
        phone: Their phone number; "" for those who hide it behind a username.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
    """

    id: str = ""
    phone: str = ""

    @property
    def key(self) -> str:
        """By which of the two they are known to us. Phone numbers are given to other people some day."""
        return self.id or self.phone

    @property
    def identities(self) -> tuple[str, ...]:
        """The marks by which they can be recognised."""
        named = (("user", self.id), ("phone", self.phone))
        return tuple(f"{what}:{which}" for what, which in named if which)


def digits(phone: str | None) -> str:
    """Return a phone number as `wa_id` has it: echoes write it with a "+"."""
    return (phone or "").removeprefix("+")


def thread_of(number: str, key: str) -> str:
    """Return the thread of a user, or of a group, with one of our numbers."""
    return f"whatsapp:{number}:{key}"


def links(number: str, user: User) -> list[Moved]:
    """Return that a user's two ids are one thread: events that name only the phone number belong to it, too."""
    if not user.id or not user.phone:
        return []
    thread, alias = thread_of(number, user.id), thread_of(number, user.phone)
    return [Moved(delivery=f"{alias}:{user.id}", thread=thread, to=alias)]


class WhatsAppPlace(msgspec.Struct, frozen=True):
    """An address: see `webhook.parse`.

    Attributes:
        number: The id of our phone number.
        user: The user's business-scoped id.
        phone: Their phone number.
        group: The id of the group instead.
        message: The message that is answered.
    """

    number: str
    user: str = ""
    phone: str = ""
    group: str = ""
    message: str = ""

    @classmethod
    def of(cls, address: Address) -> Self:
        """Return the place of a reply. Raises `Rejected` if its address is unusable."""
        try:
            place = msgspec.convert(address, cls)
        except msgspec.ValidationError as error:
            raise Rejected(f"the reply has no usable WhatsApp address: {error}") from error
        if not place.whom:
            raise Rejected("the reply has no usable WhatsApp address: it names no recipient")
        return place

    @property
    def whom(self) -> str:
        """The user or the group."""
        return self.group or self.user or self.phone

    @property
    def recipient(self) -> dict[str, str]:
        """The fields of a request that name it. A phone number reaches people for every kind of message."""
        if self.group:
            return {"recipient_type": "group", "to": self.group}
        where = {"to": self.phone} if self.phone else {"recipient": self.user}
        return {"recipient_type": "individual", **where}

    @property
    def pair(self) -> str:
        """The rate limit scope of one user with one number."""
        return f"{self.number}:{self.whom}"
