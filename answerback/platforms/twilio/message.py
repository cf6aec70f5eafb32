"""A message as Twilio's API returns it: https://www.twilio.com/docs/messaging/api/message-resource#message-properties"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import msgspec

from answerback.platforms.decoding import Spare
from answerback.platforms.twilio.place import TwilioPlace


class Message(msgspec.Struct):
    """The fields that we read."""

    sid: str
    status: Spare[str] = None
    body: Spare[str] = None
    direction: Spare[str] = None
    date_created: Spare[str] = None
    sender: Spare[str] = msgspec.field(name="from", default=None)
    messaging_service_sid: Spare[str] = None
    num_media: Spare[str | int] = None
    error_code: Spare[int] = None
    error_message: Spare[str] = None

    @property
    def created(self) -> float:
        """When it was made, in seconds since 1970 by Twilio's clock; 0 if that cannot be read."""
        try:
            return parsedate_to_datetime(self.date_created or "").timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            return 0.0

    @property
    def files(self) -> int:
        """How many files it has."""
        count = str(self.num_media or "")
        return int(count) if count.isascii() and count.isdigit() and len(count) < 3 else 0

    def of(self, place: TwilioPlace) -> bool:
        """Return whether our side of a thread sent it."""
        if not (self.direction or "").startswith("outbound"):
            return False
        return self.messaging_service_sid == place.service if place.service else self.sender == place.ours
