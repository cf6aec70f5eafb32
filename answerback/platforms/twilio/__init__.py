"""Twilio: SMS, MMS, WhatsApp and RCS through one API. `webhook` parses what comes in, `api` posts replies.

https://www.twilio.com/docs/messaging
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from answerback.platforms.twilio.sending import complete
from answerback.platforms.twilio.settings import TwilioSettings
from answerback.platforms.twilio.signature import SETTINGS as SIGNATURE_SETTINGS
from answerback.platforms.twilio.signature import SIGNATURE, sign, verify
from answerback.platforms.twilio.webhook import parse

if TYPE_CHECKING:
    from answerback.platforms import Client, SendOption
    from answerback.settings import Settings
    from answerback.settings.platform import PlatformSettings

__all__ = [
    "ACKNOWLEDGED", "CREDENTIAL", "HEADERS", "INAPPLICABLE", "METHODS", "NAME", "SECRET", "SETTINGS", "TITLE",
    "client", "complete", "parse", "sign", "verify",
]  # fmt: skip

NAME = "twilio"
TITLE = "Twilio"
SETTINGS: type[PlatformSettings] = TwilioSettings
SECRET = "TWILIO_AUTH_TOKEN"
CREDENTIAL = "Set TWILIO_ACCOUNT_SID, beside TWILIO_AUTH_TOKEN or TWILIO_API_KEY."
METHODS: tuple[str, ...] = ("POST", "GET")
HEADERS: tuple[str, ...] = (SIGNATURE, SIGNATURE_SETTINGS, "content-type", "host")
ACKNOWLEDGED = 200
INAPPLICABLE: Mapping[SendOption, str] = {
    "event": "every payload is a message or a status",
    "delivery": "the message identifies the delivery",
}


def client(settings: Settings) -> Client | None:
    """Return a client for all configured accounts; None without one."""
    from answerback.platforms.twilio.api import Twilio
    from answerback.shared_files import SharedFiles

    own = settings.of(TwilioSettings)
    credentials = own.credentials()
    if not credentials:
        return None
    webhook = f"{settings.public_url}/webhooks/{NAME}" if settings.public_url else ""
    return Twilio(
        credentials,
        own.api_url,
        webhook=webhook,
        template=own.whatsapp_template or "",
        rate=own.rate,
        shared=SharedFiles.of(settings),
    )
