"""Make and verify the signatures of Slack's webhooks.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

from collections.abc import Sequence

from answerback.platforms import NO_KEYS, Delivery, Headers, Keys, Refusal
from answerback.platforms.signing import digest, keys, same, stale


def sign(secret: str, delivery: Delivery, now: float) -> Headers:
    """Return the headers with the time and the signature of time and body."""
    timestamp = str(int(now))
    signature = digest(secret.encode(), _signed(timestamp, delivery.body)).hex()
    return {"x-slack-request-timestamp": timestamp, "x-slack-signature": f"v0={signature}"}


def verify(secrets: Sequence[str], delivery: Delivery, now: float, fetched: Keys = NO_KEYS) -> Refusal | None:
    """Return None if one of `secrets` signed `body` within 300 s of `now`, else the refusal."""
    usable = keys(secrets)
    if not usable:
        return Refusal("unconfigured", "no secret is configured: set SLACK_SIGNING_SECRET")
    headers = delivery.headers
    given, timestamp = headers.get("x-slack-signature", ""), headers.get("x-slack-request-timestamp", "")
    if not given or not timestamp:
        return Refusal("unsigned", "the X-Slack-Signature or X-Slack-Request-Timestamp header is missing")
    if problem := stale(timestamp, now):
        return problem
    if len(given) != 67 or not given.isascii() or not given.startswith("v0="):
        return Refusal("malformed", "X-Slack-Signature is not v0= and 64 hexadecimal digits")
    signature, signed = given[3:].encode(), _signed(timestamp, delivery.body)
    for key in usable:
        if same(signature, digest(key, signed).hex().encode()):
            return None
    return Refusal(
        "mismatch", "the signature does not match: SLACK_SIGNING_SECRET and the app's signing secret at Slack differ"
    )


def _signed(timestamp: str, body: bytes) -> bytes:
    return b"v0:%b:%b" % (timestamp.encode(), body)
