"""Make and verify the signatures of Meta's webhooks, and confirm that a webhook is ours.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from answerback.platforms import NO_KEYS, Answer, Delivery, Headers, Keys, Refusal
from answerback.platforms.signing import digest, hub_refusal, keys, same
from answerback.platforms.whatsapp.settings import WhatsAppSettings

if TYPE_CHECKING:
    from answerback.settings import Settings


def sign(secret: str, delivery: Delivery, now: float) -> Headers:
    """Return the header with the signature of the body; Meta signs nothing else."""
    return {"x-hub-signature-256": f"sha256={digest(secret.encode(), delivery.body).hex()}"}


def verify(secrets: Sequence[str], delivery: Delivery, now: float, fetched: Keys = NO_KEYS) -> Refusal | None:
    """Return None if one of the app's `secrets` signed the body, byte for byte.

    Meta signs no time, so `now` is not used: a replayed delivery is recognised by the ids of its messages.
    """
    return hub_refusal(secrets, delivery, "WHATSAPP_APP_SECRET", "Meta, App settings, Basic, App secret")


def handshake(settings: Settings, delivery: Delivery) -> Answer | Refusal | None:
    """Answer the GET with which Meta confirms a webhook: with its challenge, if it brings our verify token."""
    if delivery.method != "GET":
        return None
    tokens = keys([token.get_secret_value() for token in settings.of(WhatsAppSettings).verify_token])
    if not tokens:
        return Refusal("unconfigured", "no verify token is configured: set WHATSAPP_VERIFY_TOKEN")
    try:
        asked = {name: values[0] for name, values in parse_qs(delivery.query, max_num_fields=20).items()}
    except ValueError:
        return Refusal("malformed", "the query has too many fields")
    given = asked.get("hub.verify_token", "").encode(errors="surrogatepass")
    if asked.get("hub.mode") != "subscribe" or not given:
        return Refusal("unsigned", "a GET without a verify token")
    if not any(same(given, token) for token in tokens):
        return Refusal("mismatch", "the verify token that Meta was given is not in WHATSAPP_VERIFY_TOKEN")
    return Answer(asked.get("hub.challenge", "").encode(errors="replace"), "text/plain")
