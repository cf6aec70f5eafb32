"""Standard Webhooks: for any system without a platform package of its own. See `webhook` for the format.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from answerback.platforms.standard.sending import complete, sign
from answerback.platforms.standard.settings import StandardSettings
from answerback.platforms.standard.signature import verify
from answerback.platforms.standard.webhook import parse

if TYPE_CHECKING:
    from answerback.platforms import Client, SendOption
    from answerback.settings import Settings
    from answerback.settings.platform import PlatformSettings

__all__ = [
    "CREDENTIAL", "CREDENTIAL_OPTIONAL", "HEADERS", "INAPPLICABLE", "NAME", "SECRET", "SETTINGS", "TITLE", "client",
    "complete", "parse", "sign", "verify",
]  # fmt: skip

NAME = "standard"
TITLE = "Standard Webhooks"
SETTINGS: type[PlatformSettings] = StandardSettings
SECRET = "STANDARD_WEBHOOKS_SECRET"
CREDENTIAL = "Set STANDARD_WEBHOOKS_REPLY_URL to have replies sent."
CREDENTIAL_OPTIONAL = True
HEADERS: tuple[str, ...] = tuple(
    f"{kind}-{name}" for kind in ("webhook", "svix") for name in ("id", "timestamp", "signature")
)
INAPPLICABLE: Mapping[SendOption, str] = {"event": "the payload names its event"}


def client(settings: Settings) -> Client | None:
    """Return a client that sends replies to STANDARD_WEBHOOKS_REPLY_URL, signed with the first secret that can sign.

    None without a URL or such a secret.
    """
    from answerback.platforms.standard.api import Standard

    own = settings.of(StandardSettings)
    secret = own.signing_key()
    if not own.reply_url or secret is None:
        return None
    return Standard(secret, own.reply_url)
