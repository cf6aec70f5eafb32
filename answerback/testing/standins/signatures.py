"""The platforms' signatures of webhooks, and the check of a Standard Webhooks receiver."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import NamedTuple

TOLERANCE = 300
"""Seconds that a Standard Webhooks timestamp may be off:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""


class Delivery(NamedTuple):
    """One signed webhook: its headers, its body, and the id that makes it one event. Sent twice, it is a redelivery.

    query  of the URL that it is sent to
    """

    headers: dict[str, str]
    body: bytes
    id: str
    query: str = ""


def github(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256`.

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def slack(secret: str, timestamp: int, body: bytes) -> str:
    """The value of `X-Slack-Signature`: https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    return "v0=" + hmac.new(secret.encode(), b"v0:%d:" % timestamp + body, hashlib.sha256).hexdigest()


def twilio(token: str, url: str, fields: Mapping[str, str]) -> str:
    """The value of `X-Twilio-Signature` of a form: https://www.twilio.com/docs/usage/webhooks/webhooks-security"""
    signed = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def standard(secret: str, message: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`, with one signature."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def standard_problem(secret: str, headers: dict[str, str], body: bytes, now: float) -> str | None:
    """Return why a Standard Webhooks receiver refuses this request, or None. Header names in lower case."""
    message, stamp, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not message or not given:
        return "missing required headers"
    try:
        timestamp = int(stamp)
    except ValueError:
        return "webhook-timestamp is not a number"
    if abs(now - timestamp) > TOLERANCE:
        return "webhook-timestamp is too far from now"
    wanted = base64.b64decode(standard(secret, message, timestamp, body).removeprefix("v1,"))
    for candidate in given.split(" "):
        version, _, encoded = candidate.partition(",")
        try:
            if version == "v1" and hmac.compare_digest(base64.b64decode(encoded, validate=True), wanted):
                return None
        except (binascii.Error, ValueError):
            continue
    return "no matching signature found"
