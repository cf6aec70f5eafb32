"""Make and verify the signatures of GitHub's webhooks.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

from collections.abc import Sequence

from answerback.platforms import NO_KEYS, Delivery, Headers, Keys, Refusal
from answerback.platforms.signing import digest, hub_refusal


def sign(secret: str, delivery: Delivery, now: float) -> Headers:
    """Return the header with the signature of the body; GitHub signs nothing else."""
    return {"x-hub-signature-256": f"sha256={digest(secret.encode(), delivery.body).hex()}"}


def verify(secrets: Sequence[str], delivery: Delivery, now: float, fetched: Keys = NO_KEYS) -> Refusal | None:
    """Return None if one of `secrets` signed `body`, else the refusal. SHA-1 signatures are ignored.

    GitHub signs no time, so `now` is not used: a replayed delivery is recognised by its delivery id.
    """
    return hub_refusal(secrets, delivery, "GITHUB_WEBHOOK_SECRET", "GitHub, the webhook's Secret")
