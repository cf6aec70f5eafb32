"""Make and verify signatures of Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import suppress

from answerback.platforms import NO_KEYS, Delivery, Headers, Keys, Refusal
from answerback.platforms.signing import digest, same, stale
from answerback.platforms.standard import keys

LONGEST_ID = 256
_MOST_SIGNATURES = 16


def header(headers: Headers, name: str) -> str:
    """Return the header "webhook-<name>", or Svix's "svix-<name>": https://docs.svix.com/receiving/verifying-payloads/how-manual"""
    return headers.get(f"webhook-{name}") or headers.get(f"svix-{name}") or ""


def usable_id(identifier: str) -> bool:
    """Return whether a message id is one line of at most 256 ASCII characters."""
    return 0 < len(identifier) <= LONGEST_ID and identifier.isascii() and identifier.isprintable()


def sign(secret: str, identifier: str, timestamp: str, body: bytes) -> str:
    """Return the value of `webhook-signature`: "v1,<base64>", or "v1a,<base64>" with a private key ("whsk_…").

    Raises ValueError for a secret that is not base64, and for a public key.
    """
    key, message = keys.read(secret), _message(identifier, timestamp, body)
    signature = digest(key.raw, message) if key.scheme == "v1" else keys.sign(key, message)
    return f"{key.scheme},{base64.b64encode(signature).decode()}"


def verify(secrets: Sequence[str], delivery: Delivery, now: float, fetched: Keys = NO_KEYS) -> Refusal | None:
    """Return None if one of `secrets` ("whsec_…", "whpk_…") signed this message within 300 s of `now`."""
    if not any(secrets):
        return Refusal("unconfigured", "no secret is configured: set STANDARD_WEBHOOKS_SECRET")
    headers = delivery.headers
    identifier, timestamp, given = header(headers, "id"), header(headers, "timestamp"), header(headers, "signature")
    if not identifier or not timestamp or not given:
        return Refusal("unsigned", "a webhook-id, webhook-timestamp or webhook-signature header is missing")
    if problem := stale(timestamp, now):
        return problem
    if not usable_id(identifier):
        return Refusal("malformed", "webhook-id is not a line of at most 256 ASCII characters")
    signatures = _signatures(given)
    if not signatures:
        return Refusal("malformed", "webhook-signature has neither a v1 nor a v1a signature")
    schemes: set[str] = set()
    message = _message(identifier, timestamp, delivery.body)
    for secret in secrets:
        try:
            key = keys.read(secret)
        except ValueError:
            continue
        schemes.add(key.scheme)
        expected = digest(key.raw, message) if key.scheme == "v1" else b""
        for scheme, signature in signatures:
            if scheme == key.scheme and (
                same(signature, expected) if key.scheme == "v1" else keys.signed(key, signature, message)
            ):
                return None
    return _mismatch(schemes, {scheme for scheme, _ in signatures})


def _signatures(given: str) -> list[tuple[str, bytes]]:
    """Return the signatures. There may be several while the sender rotates its key; their number is bounded."""
    decoded: list[tuple[str, bytes]] = []
    for each in given.split(" ", _MOST_SIGNATURES)[:_MOST_SIGNATURES]:
        scheme, _, signature = each.partition(",")
        if scheme in ("v1", "v1a"):
            with suppress(ValueError):
                decoded.append((scheme, base64.b64decode(signature, validate=True)))
    return [(scheme, signature) for scheme, signature in decoded if signature]


def _mismatch(ours: set[str], theirs: set[str]) -> Refusal:
    if not ours:
        return Refusal("unconfigured", "STANDARD_WEBHOOKS_SECRET is neither whsec_ nor whpk_, each followed by base64")
    if ours.isdisjoint(theirs):
        needed = "its public key (whpk_…)" if "v1a" in theirs else "the secret that both sides share (whsec_…)"
        return Refusal(
            "mismatch",
            f"the sender signs with {' and '.join(sorted(theirs))}: add {needed} to STANDARD_WEBHOOKS_SECRET",
        )
    return Refusal("mismatch", "no signature matches: STANDARD_WEBHOOKS_SECRET and the sender's secret differ")


def _message(identifier: str, timestamp: str, body: bytes) -> bytes:
    return b"%b.%b.%b" % (identifier.encode(), timestamp.encode(), body)
