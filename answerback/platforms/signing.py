"""Shared parts of webhook signatures: usable secrets, fresh timestamps, constant-time comparison."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from answerback.platforms import Delivery, Refusal

TOLERANCE = 300
"""Seconds by which a signed timestamp may be off in either direction before it counts as a replay."""


def keys(secrets: Sequence[str]) -> list[bytes]:
    """Return the secrets as HMAC keys. Empty ones are left out: anyone can sign with an empty key."""
    return [secret.encode(errors="surrogatepass") for secret in secrets if secret]


def digest(key: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA256 of the message, 32 bytes."""
    return hmac.digest(key, message, "sha256")


def same(given: bytes, expected: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given, expected)


def hub_refusal(secrets: Sequence[str], delivery: Delivery, variable: str, place: str) -> Refusal | None:
    """Return None if `X-Hub-Signature-256` is one of `secrets`' HMAC-SHA256 of the body, else the refusal.

    Args:
        variable: The environment variable with the secrets.
        place: Where the platform has its secret, in words for an operator.
    """
    usable = keys(secrets)
    if not usable:
        return Refusal("unconfigured", f"no secret is configured: set {variable}")
    given = delivery.headers.get("x-hub-signature-256", "")
    if not given:
        return Refusal("unsigned", f"there is no X-Hub-Signature-256 header: look at {place}")
    if len(given) != 71 or not given.isascii() or not given.startswith("sha256="):
        return Refusal("malformed", "X-Hub-Signature-256 is not sha256= and 64 hexadecimal digits")
    signature = given[7:].encode()
    for key in usable:
        if same(signature, digest(key, delivery.body).hex().encode()):
            return None
    return Refusal("mismatch", f"the signature does not match: {variable} is not the secret at {place}")


def stale(timestamp: str, now: float) -> Refusal | None:
    """Return None if `timestamp`, decimal seconds since 1970, is within `TOLERANCE` of `now`, else the refusal."""
    # Eleven digits last until the year 5138; isdigit() alone accepts "²", which int() does not.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        return Refusal("malformed", "the timestamp is not a number of seconds")
    off = now - int(timestamp)
    if abs(off) > TOLERANCE:
        when = "past" if off > 0 else "future"
        return Refusal("stale", f"the timestamp is {abs(off):.0f} s in the {when}; {TOLERANCE} s are allowed")
    return None
