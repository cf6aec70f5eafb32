"""Twilio's webhooks, built and signed: https://www.twilio.com/docs/messaging/guides/webhook-request"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.twilio.signing import Sender, sid

__all__ = ["Twilio"]

_PLACE = {"City": "SAN FRANCISCO", "Country": "US", "State": "CA", "Zip": "94105"}


@dataclass(frozen=True, kw_only=True)
class Twilio(Sender):
    """A person who writes to one of our numbers. Each method returns the webhook of one thing that they do."""

    def message(
        self,
        text: str = "Hello",
        *,
        id: str | None = None,
        media: Sequence[tuple[str, str]] = (),
        **more: str,
    ) -> Delivery:
        """A message. `media`: URL and type of each file; `more`: OptOutType, ButtonPayload, Latitude …"""
        message = id or sid("MM" if media else "SM")
        fields = {
            "ToCountry": "US",
            "SmsMessageSid": message,
            "NumMedia": str(len(media)),
            "SmsSid": message,
            "SmsStatus": "received",
            "Body": text,
            "To": self.ours,
            "NumSegments": "1",
            "MessageSid": message,
            "AccountSid": self.account,
            "From": self.theirs,
            "ApiVersion": "2010-04-01",
        }
        if self.service:
            fields["MessagingServiceSid"] = self.service
        if self.theirs.startswith("whatsapp:"):
            number = self.theirs.removeprefix("whatsapp:+")
            fields |= {"ProfileName": self.name, "WaId": number, "MessageType": "text"}
        elif ":" not in self.theirs:
            fields |= {f"From{name}": value for name, value in _PLACE.items()}
        for index, (url, kind) in enumerate(media):
            fields |= {f"MediaUrl{index}": url, f"MediaContentType{index}": kind}
        return self.form(fields | more, message)

    def button(self, label: str, payload: str, *, of: str = "", id: str | None = None) -> Delivery:
        """The press of a quick reply below a message of ours."""
        more = {"ButtonText": label, "ButtonPayload": payload, "MessageType": "button"}
        if of:
            more |= {"OriginalRepliedMessageSid": of, "OriginalRepliedMessageSender": self.ours}
        return self.message(label, id=id, media=(), **more)

    def location(self, latitude: str, longitude: str, *, label: str = "", address: str = "") -> Delivery:
        """A shared place."""
        place = {"Latitude": latitude, "Longitude": longitude, "MessageType": "location"}
        named = {"Label": label, "Address": address}
        return self.message("", id=None, media=(), **place, **{field: value for field, value in named.items() if value})

    def opt_out(self, word: str = "STOP") -> Delivery:
        """A word that Twilio answers by itself: STOP, START or HELP."""
        return self.message(word.title(), OptOutType=word)

    def status(self, message: str, state: str, query: str, *, error: int = 0) -> Delivery:
        """What became of a message of ours; `query`: of the URL that it was sent with."""
        fields = {
            "SmsSid": message,
            "SmsStatus": state,
            "MessageStatus": state,
            "To": self.theirs,
            "MessageSid": message,
            "AccountSid": self.account,
            "From": self.ours,
            "ApiVersion": "2010-04-01",
        }
        return self.form(fields | ({"ErrorCode": str(error)} if error else {}), message, query)
