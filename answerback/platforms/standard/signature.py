"""Signatures of Standard Webhooks, made and checked.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from answerback.platforms import Headers, Refusal
from answerback.platforms.signing import digest, same, stale

LONGEST_ID = 256
_MOST_SIGNATURES = 16


def header(headers: Headers, name: str) -> str:
    """The header "webhook-<name>", or "svix-<name>", as Svix calls the same: https://docs.svix.com/receiving/verifying-payloads/how-manual"""
    return headers.get(f"webhook-{name}") or headers.get(f"svix-{name}") or ""


def usable_id(identifier: str) -> bool:
    """Whether a message's id is one line of at most 256 ASCII characters."""
    return 0 < len(identifier) <= LONGEST_ID and identifier.isascii() and identifier.isprintable()


def sign(secret: str, identifier: str, timestamp: str, body: bytes) -> str:
    """The value of `webhook-signature`, "v1,<base64>". Raises ValueError for a secret that is not base64."""
    return f"v1,{_sign(_key(secret), identifier, timestamp, body)}"


def verify(secrets: Sequence[str], headers: Headers, body: bytes, now: float) -> Refusal | None:
    """None when one of `secrets` ("whsec_…") signed this message within 300 s of `now`; else why not."""
    if not any(secrets):
        return Refusal("unconfigured", "no secret is configured: set STANDARD_WEBHOOKS_SECRET")
    identifier, timestamp, given = header(headers, "id"), header(headers, "timestamp"), header(headers, "signature")
    if not identifier or not timestamp or not given:
        return Refusal("unsigned", "there is no webhook-id, webhook-timestamp or webhook-signature header")
    if problem := stale(timestamp, now):
        return problem
    if not usable_id(identifier):
        return Refusal("malformed", "webhook-id is not a short line of ASCII")
    # Several, because the sender may be changing its key; bounded, because anybody may send many.
    candidates = [
        each[3:].encode()
        for each in given.split(" ", _MOST_SIGNATURES)[:_MOST_SIGNATURES]
        if each[:3] == "v1," and each.isascii()
    ]
    if not candidates:
        return Refusal("malformed", "webhook-signature has no v1 signature")
    unusable = 0
    for secret in secrets:
        try:
            expected = _sign(_key(secret), identifier, timestamp, body).encode()
        except ValueError:
            unusable += 1
            continue
        if any(same(candidate, expected) for candidate in candidates):
            return None
    if unusable == len(secrets):
        return Refusal("unconfigured", "STANDARD_WEBHOOKS_SECRET is not whsec_ followed by base64")
    return Refusal("mismatch", "no signature matches: STANDARD_WEBHOOKS_SECRET and the sender's secret differ")


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("the secret is not base64") from error
    if not key:
        raise ValueError("the secret is empty")
    return key


def _sign(key: bytes, identifier: str, timestamp: str, body: bytes) -> str:
    signed = b"%b.%b.%b" % (identifier.encode(), timestamp.encode(), body)
    return base64.b64encode(digest(key, signed)).decode()
