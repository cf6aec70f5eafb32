"""Our accounts at Twilio: their credentials, numbers and messages, and what people did."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from aiohttp import web

from answerback.testing.standins.options import Options
from answerback.testing.standins.standin import Refusal, answer
from answerback.testing.standins.values import Json

NAME = "twilio"
VERSION = "2010-04-01"

WORDS = {
    14107: "Rate limit exceeded",
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    21211: "Invalid 'To' Phone Number",
    21212: "Invalid 'From' Number",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number",
    21603: "A 'From' phone number is required",
    21604: "A 'To' phone number is required",
    21606: "The 'From' phone number provided is not a valid message-capable Twilio phone number for this destination",
    21610: "Attempt to send to unsubscribed recipient",
    21611: "This 'From' number has exceeded the maximum number of queued messages",
    21612: "The 'To' phone number is not currently reachable using the 'From' phone number",
    21614: "'To' number is not a valid mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit",
    11200: "HTTP retrieval failure",
    21619: "A text message body or media urls must be specified.",
    21620: "Invalid media URL(s)",
    21655: "The ContentSid is Invalid",
}


def refusal(code: int, status: int = 400, headers: dict[str, str] | None = None) -> Refusal:
    """Return an error: https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions"""
    more = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": WORDS.get(code, "An error occurred"), "more_info": more, "status": status}
    return Refusal(answer(body, status, headers))


def rfc2822(at: float) -> str:
    """Return a time as Twilio shows it, without fractions."""
    return format_datetime(datetime.fromtimestamp(int(at), UTC))


@dataclass
class Message:
    """A message of ours. `made`: when, in seconds."""

    sid: str
    account: str
    ours: str
    theirs: str
    service: str
    body: str
    made: float
    status: str = "queued"
    error: int | None = None
    callback: str = ""
    sent: float | None = None
    media: list[Json] = field(default_factory=list)
    """The files as they were fetched: type, content in base64; empty for one that could not be."""

    def shown(self) -> Json:
        """The resource: https://www.twilio.com/docs/messaging/api/message-resource"""
        uri = f"/{VERSION}/Accounts/{self.account}/Messages/{self.sid}"
        return {
            "account_sid": self.account,
            "api_version": VERSION,
            "body": self.body,
            "date_created": rfc2822(self.made),
            "date_sent": rfc2822(self.sent) if self.sent else None,
            "date_updated": rfc2822(self.sent or self.made),
            "direction": "outbound-api",
            "error_code": self.error,
            "error_message": WORDS.get(self.error) if self.error else None,
            "from": self.ours or None,
            "messaging_service_sid": self.service or None,
            "num_media": str(len(self.media)),
            "num_segments": "1",
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.theirs,
            "uri": f"{uri}.json",
        }


@dataclass
class World:
    """What Twilio has. Accounts: SID → token."""

    options: Options
    messages: list[Message] = field(default_factory=list)
    opted_out: set[tuple[str, str]] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    """People on WhatsApp whose last message is more than a day old."""
    media: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    typing: list[str] = field(default_factory=list)
    targets: dict[str, str] = field(default_factory=dict)
    """The webhooks of our numbers, where they differ from the usual one."""
    rotated: dict[str, str] = field(default_factory=dict)
    """Auth tokens that replaced those of the options, by account."""
    url: str = ""

    @property
    def accounts(self) -> dict[str, str]:
        first = zip(self.options.twilio_account.split(","), self.options.twilio_token.split(","), strict=True)
        return dict(first) | self.rotated

    @property
    def numbers(self) -> list[str]:
        return self.options.twilio_numbers.split(",")

    def _may_act_for(self, account: str) -> tuple[str, ...]:
        """Return the accounts whose auth token an account accepts: its own, and its parent's."""
        parent = next(iter(self.accounts))
        return (account, parent) if account in self.options.twilio_subaccounts.split(",") else (account,)

    def authorized(self, request: web.Request) -> str:
        """Return the account that is asked for, if the credential may use it."""
        account = request.match_info.get("account", "")
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        key = self.options.twilio_api_key.partition(":")
        allowed = scheme.lower() == "basic" and (
            self.accounts.get(user) == password or ((user, password) == (key[0], key[2]) and bool(password))
        )
        if not allowed or (account and user.startswith("AC") and user not in self._may_act_for(account)):
            raise refusal(20003, 401)
        if account and account not in self.accounts:
            raise refusal(20404, 404)
        return account
