"""Verify a webhook: it carries the secret token that it was set with. Its body is not signed.

https://core.telegram.org/bots/api#setwebhook
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from answerback.platforms import NO_KEYS, Delivery, Headers, Keys, Refusal
from answerback.platforms.signing import keys, same

HEADER = "x-telegram-bot-api-secret-token"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)


def verify(secrets: Sequence[str], delivery: Delivery, now: float, fetched: Keys = NO_KEYS) -> Refusal | None:
    """Return None if the delivery carries one of the secrets, else why it is refused."""
    given = delivery.headers.get(HEADER, "")
    if not given:
        return Refusal("unsigned", f"no {HEADER}: the webhook was set without a secret_token")
    if not _TOKEN.fullmatch(given):
        return Refusal("malformed", "the secret token has characters that no secret token has")
    if not secrets:
        return Refusal("unconfigured", "TELEGRAM_WEBHOOK_SECRET is not set")
    if not any(same(given.encode(), key) for key in keys(secrets)):
        return Refusal("mismatch", "TELEGRAM_WEBHOOK_SECRET differs from the webhook's secret_token: set it again")
    return None


def sign(secret: str, delivery: Delivery, now: float) -> Headers:
    """Return the header that carries the secret. Raises ValueError for one that Telegram does not accept."""
    if not _TOKEN.fullmatch(secret):
        raise ValueError(
            "TELEGRAM_WEBHOOK_SECRET may have letters, digits, _ and - only, at most 256: openssl rand -hex 32"
        )
    return {HEADER: secret}
