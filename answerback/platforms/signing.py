"""What signed webhooks have in common: usable secrets, fresh timestamps, comparisons that tell an attacker nothing."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from answerback.platforms import Refusal

TOLERANCE = 300
"""Seconds a signed timestamp may be off, either way, before it counts as a replay."""


def keys(secrets: Sequence[str]) -> list[bytes]:
    """The secrets as HMAC keys. An empty one is left out: anybody can sign with an empty key."""
    return [secret.encode(errors="surrogatepass") for secret in secrets if secret]


def digest(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 of the message, 32 bytes."""
    return hmac.digest(key, message, "sha256")


def same(given: bytes, expected: bytes) -> bool:
    """Compare in a time that does not depend on where the two differ."""
    return hmac.compare_digest(given, expected)


def stale(timestamp: str, now: float) -> Refusal | None:
    """None when `timestamp`, decimal seconds since 1970, is within `TOLERANCE` of `now`; else why not."""
    # Eleven digits last until the year 5138; isdigit alone would let "²" and friends through to int().
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        return Refusal("malformed", "the timestamp is not a number of seconds")
    off = now - int(timestamp)
    if abs(off) > TOLERANCE:
        when = "past" if off > 0 else "future"
        return Refusal("stale", f"the timestamp is {abs(off):.0f} s in the {when}; {TOLERANCE} s are allowed")
    return None
