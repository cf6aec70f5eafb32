"""WhatsApp, by Meta's Cloud API: chats of people with a business number. `webhook` parses, `api` posts replies.

https://developers.facebook.com/documentation/business-messaging/whatsapp/overview
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from answerback.platforms.whatsapp.manifest import APP
from answerback.platforms.whatsapp.settings import WhatsAppSettings
from answerback.platforms.whatsapp.signature import handshake, sign, verify
from answerback.platforms.whatsapp.webhook import parse

if TYPE_CHECKING:
    from answerback.platforms import Client, Handshake, SendOption
    from answerback.platforms.manifest import ManifestSupport
    from answerback.settings import Settings
    from answerback.settings.platform import PlatformSettings

__all__ = [
    "ACKNOWLEDGED", "CREDENTIAL", "HANDSHAKE", "HEADERS", "INAPPLICABLE", "MANIFEST", "METHODS", "NAME", "SECRET",
    "SETTINGS", "TITLE", "client", "parse", "sign", "verify",
]  # fmt: skip

NAME = "whatsapp"
TITLE = "WhatsApp"
SETTINGS: type[PlatformSettings] = WhatsAppSettings
SECRET = "WHATSAPP_APP_SECRET"
CREDENTIAL = "Set WHATSAPP_TOKEN."
METHODS: tuple[str, ...] = ("POST", "GET")
# Meta repeats what it gets no 200 for, for up to seven days.
ACKNOWLEDGED = 200
HANDSHAKE: Handshake | None = handshake
HEADERS: tuple[str, ...] = ("x-hub-signature-256",)
MANIFEST: ManifestSupport | None = APP
INAPPLICABLE: Mapping[SendOption, str] = {
    "event": "the payload names what happened",
    "delivery": "the message identifies the delivery",
}


def client(settings: Settings) -> Client | None:
    """Return a client for WHATSAPP_TOKEN; None without it."""
    from answerback.platforms.whatsapp.api import WhatsApp

    own = settings.of(WhatsAppSettings)
    if not own.tokens:
        return None
    return WhatsApp(own.tokens, own.api_url, default_template=own.template or "", rate=own.rate)
