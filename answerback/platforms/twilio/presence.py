"""WhatsApp's typing indicator, which also marks the message as read.

https://www.twilio.com/docs/whatsapp/api/typing-indicators-resource
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from answerback.platforms import Exchange, Place, Presence, PresenceOutcome, Request, Response
from answerback.platforms.twilio.place import TwilioPlace

Post = Callable[[TwilioPlace, str, bytes], Request]
Check = Callable[[Response, TwilioPlace], None]


class TwilioPresence(Presence):
    """See `Presence`. Other channels than WhatsApp show nothing, and no request is made."""

    # It disappears after 25 seconds, or with the reply.
    refresh = 20.0
    pace = 0.5
    lasting = True

    def __init__(self, post: Post, check: Check, messaging: str) -> None:
        self._post, self._check = post, check
        self._url = f"{messaging}/v2/Indicators/Typing.json"

    def working(self, place: Place, words: str) -> Exchange[None]:
        """Show that we are typing. `words` cannot be shown."""
        to = TwilioPlace.from_address(place.address)
        if to.channel == "whatsapp" and place.message:
            form = urlencode({"channel": "whatsapp", "messageId": place.message}).encode()
            self._check((yield self._post(to, self._url, form)), to)

    def idle(self, place: Place, outcome: PresenceOutcome) -> Exchange[None]:
        """Do nothing: the indicator ends with the reply."""
        yield from ()
