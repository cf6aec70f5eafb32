"""Signed requests of Twilio to an application: https://www.twilio.com/docs/usage/webhooks/webhooks-security"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from answerback.testing.standins import signatures
from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery

_DEFAULTS = Options()


def sid(kind: str) -> str:
    """Return a new SID."""
    return f"{kind}{uuid.uuid4().hex}"


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who writes to whom.

    account  the account of our number, whose token is `secret`
    service  the messaging service that our number belongs to; "": none
    ours     our number, or address on a channel: "whatsapp:+14155238886"
    theirs   the person's
    url      our webhook's URL, as Twilio knows it
    """

    account: str = _DEFAULTS.twilio_account
    service: str = ""
    ours: str = "+15005550006"
    theirs: str = "+14155550100"
    name: str = "Ada"
    secret: str = _DEFAULTS.twilio_token
    url: str = f"{_DEFAULTS.twilio_url}/webhooks/twilio"

    def form(self, fields: Mapping[str, str], identity: str, query: str = "") -> Delivery:
        """Any form. `query`: of the URL it goes to."""
        url = f"{self.url}?{query}" if query else self.url
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
            "User-Agent": "TwilioProxy/1.1",
            "X-Home-Region": "us1",
            "X-Twilio-Signature": signatures.twilio(self.secret, url, fields),
        }
        return Delivery(headers, urlencode(fields).encode(), identity, query)
