"""Make and verify the signatures of GitHub's webhooks.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

from collections.abc import Sequence

from answerback.platforms import NO_KEYS, Delivery, Headers, Keys, Refusal
from answerback.platforms.signing import digest, keys, same


def sign(secret: str, delivery: Delivery, now: float) -> Headers:
    """Return the header with the signature of the body; GitHub signs nothing else."""
    return {"x-hub-signature-256": f"sha256={digest(secret.encode(), delivery.body).hex()}"}


def verify(secrets: Sequence[str], delivery: Delivery, now: float, fetched: Keys = NO_KEYS) -> Refusal | None:
    """Return None if one of `secrets` signed `body`, else the refusal. SHA-1 signatures are ignored.

    GitHub signs no time, so `now` is not used: a replayed delivery is recognised by its delivery id.
    """
    usable = keys(secrets)
    if not usable:
        return Refusal("unconfigured", "no secret is configured: set GITHUB_WEBHOOK_SECRET")
    given = delivery.headers.get("x-hub-signature-256", "")
    if not given:
        return Refusal("unsigned", "there is no X-Hub-Signature-256 header: give the webhook a secret at GitHub")
    if len(given) != 71 or not given.isascii() or not given.startswith("sha256="):
        return Refusal("malformed", "X-Hub-Signature-256 is not sha256= and 64 hexadecimal digits")
    signature, body = given[7:].encode(), delivery.body
    for key in usable:
        if same(signature, digest(key, body).hex().encode()):
            return None
    return Refusal(
        "mismatch", "the signature does not match: GITHUB_WEBHOOK_SECRET and the webhook's secret at GitHub differ"
    )
