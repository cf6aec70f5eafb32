"""What a client reads for a turn: the earlier messages of a thread, and names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from answerback.messages import Attachment, Author
from answerback.platforms.exchange import Exchange, Place


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a thread, as the platform's history has it.

    Attributes:
        message: The platform's id of the message.
        identities: As in `Event`: by these our own messages are recognised.
        at: When it was written, in ms by the platform's clock.
        delivery: The delivery id of its event: a webhook that comes later is then known to be the same message.
        reply: The key of a reply that it carries, as in `Event`.
    """

    message: str
    author: Author
    text: str
    identities: tuple[str, ...] = ()
    at: int = 0
    attachments: tuple[Attachment, ...] = ()
    delivery: str = ""
    reply: str = ""


class HistoryPage(NamedTuple):
    """Messages of a thread, oldest first.

    Attributes:
        cursor: Leads to more of them; "" if there are none.
        forward: Whether those follow these messages, since the platform gives the oldest first; else they precede them.
    """

    messages: Sequence[Spoken]
    cursor: str
    forward: bool = False


class History(Protocol):
    """How earlier messages of a thread are read."""

    def begins(self, place: Place) -> bool:
        """Return whether the event's message is the first one of its thread, so that nothing was said before."""
        return False

    def page(self, place: Place, limit: int, cursor: str = "") -> Exchange[HistoryPage]:
        """Return messages before the event's message: the newest `limit`, or the oldest ones if it is `forward`."""
        ...

    def limits(self, place: Place) -> Sequence[str]:
        """Return the scopes of `RateLimited` that apply to reading the history."""
        ...


class Names(Protocol):
    """What people and channels are called, where events name them by ids.

    Names are looked up before a turn, and kept for days. Their loss never matters: the ids stay.
    """

    def wanted(self, author: Author | None, text: str, channel: str = "") -> Collection[str]:
        """Return the ids in a message that people see as names: of its author, in its text, of its channel."""
        ...

    def named(self, text: str, names: Mapping[str, str]) -> str:
        """Return a text with the names in place of their ids."""
        ...

    def look_up(self, id: str, place: Place) -> Exchange[str]:
        """Return a name; "" if the id names no one and nothing. Raises as other exchanges do."""
        ...

    def limit(self, id: str, place: Place) -> str:
        """Return the scope of `RateLimited` that applies to looking up an id. Replies must not depend on it."""
        ...
