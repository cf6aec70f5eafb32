"""The typing indicator, which also marks the message as read.

https://developers.facebook.com/documentation/business-messaging/whatsapp/typing-indicators
"""

from __future__ import annotations

from collections.abc import Sequence

from answerback.platforms import Exchange, Place, Presence, PresenceOutcome
from answerback.platforms.attempt import LAST
from answerback.platforms.whatsapp.calls import Calls
from answerback.platforms.whatsapp.place import WhatsAppPlace


class WhatsAppPresence(Presence):
    """See `Presence`. It ends with the next message, or after 25 s; it has no words."""

    refresh = 20.0
    pace = 0.1

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def working(self, place: Place, words: str) -> Exchange[None]:
        """Show that an answer is being written, and two blue marks at the message."""
        where = WhatsAppPlace.of(place.address)
        if where.group or not where.message:
            return  # shown to single users only, below their message
        content = {
            "messaging_product": "whatsapp", "status": "read", "message_id": where.message,
            "typing_indicator": {"type": "text"},
        }  # fmt: skip
        yield from self._calls.post(
            where.number, f"{where.number}/messages", content, "showing that it is typing", LAST, place=where
        )

    def idle(self, place: Place, outcome: PresenceOutcome) -> Exchange[None]:
        """Do nothing: nothing takes it back, and it ends soon."""
        yield from ()

    def limits(self, place: Place) -> Sequence[str]:
        return ["", WhatsAppPlace.of(place.address).number]
