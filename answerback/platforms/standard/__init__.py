"""Standard Webhooks: for any system without a platform package of its own. See `webhook` for the format.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from answerback.platforms.standard.keys import signs
from answerback.platforms.standard.webhook import parse, verify

if TYPE_CHECKING:
    from answerback.platforms import Client
    from answerback.settings import Settings

__all__ = ["CREDENTIAL", "HEADERS", "NAME", "SECRET", "client", "parse", "verify"]

NAME = "standard"
SECRET = "STANDARD_WEBHOOKS_SECRET"
CREDENTIAL = "Set STANDARD_WEBHOOKS_REPLY_URL to have replies sent."
HEADERS: tuple[str, ...] = tuple(
    f"{kind}-{name}" for kind in ("webhook", "svix") for name in ("id", "timestamp", "signature")
)


def client(settings: Settings) -> Client | None:
    """Return a client that sends replies to STANDARD_WEBHOOKS_REPLY_URL, signed with the first secret that can sign.

    None without a URL or such a secret.
    """
    from answerback.platforms.standard.api import Standard

    secret = next(filter(signs, settings.secrets(NAME)), None)
    if not settings.standard_reply_url or secret is None:
        return None
    return Standard(secret, settings.standard_reply_url)
