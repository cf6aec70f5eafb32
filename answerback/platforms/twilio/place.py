"""Who writes to whom: an account, our sender, and the other side."""

from __future__ import annotations

from typing import Literal, Self

import msgspec

from answerback.errors import Rejected
from answerback.events import Address
from answerback.replies import Reply

Channel = Literal["sms", "whatsapp", "rcs", "other"]


def channel_of(address: str) -> Channel:
    """Return the channel of an address: of a number "sms", else by its prefix, such as "whatsapp:"."""
    prefix = address.partition(":")[0].lower() if ":" in address else ""
    match prefix:
        case "":
            return "sms"
        case "whatsapp" | "rcs":
            return prefix
        case _:
            return "other"


class TwilioPlace(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a reply goes.

    Attributes:
        account: The SID of the account.
        ours: Our number or address, to which the person wrote.
        theirs: Their number or address.
        service: The SID of the messaging service that our number belongs to; "" without one.
    """

    account: str
    ours: str
    theirs: str
    service: str = ""

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """Return the place of a reply. Raises `Rejected` if its address is unusable."""
        return cls.from_address(reply.address)

    @classmethod
    def from_address(cls, address: Address) -> Self:
        """Return the place that an address names. Raises `Rejected` if it is unusable."""
        try:
            return msgspec.convert(address, cls)
        except msgspec.ValidationError as error:
            raise Rejected(f"the reply has no usable address of Twilio: {error}") from error

    @property
    def address(self) -> Address:
        """The address that is stored with the event."""
        found: Address = msgspec.to_builtins(self)
        return found

    @property
    def thread(self) -> str:
        """The thread's id. A messaging service is one sender, whichever of its numbers is used."""
        return f"twilio:{self.account}:{self.service or self.ours}:{self.theirs}"

    @property
    def channel(self) -> Channel:
        """How the other side is reached."""
        return channel_of(self.theirs)

    @property
    def sender(self) -> str:
        """The rate limit scope of our sender."""
        return f"{self.account}:{self.ours or self.service}"
