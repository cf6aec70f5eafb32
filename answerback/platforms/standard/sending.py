"""Compose messages, complete headers and sign, as a sender of Standard Webhooks does, for `answerback send`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from answerback.platforms import Delivery, Headers
from answerback.platforms.standard import keys, signature
from answerback.platforms.standard.webhook import CREATED


def compose(text: str, *, thread: str, author: str) -> bytes:
    """Return the body of a direct message."""
    data = {
        "thread": thread,
        "text": text,
        # With a prefix: an author whose bare name equals ours would be taken for the agents.
        "author": {"id": f"cli:{author}", "name": author},
        "direct": True,
    }
    return msgspec.json.encode(
        {"type": CREATED, "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"), "data": data}
    )


def complete(headers: Headers, payload: Mapping[str, object], *, event: str | None, delivery: str | None) -> Headers:
    """Return the headers with a `webhook-id`: the one given, or a new one."""
    return {**headers, "webhook-id": delivery or signature.header(headers, "id") or f"msg_{uuid4().hex}"}


def sign(secret: str, delivery: Delivery, now: float) -> Headers:
    """Return the headers with the time and the signature of id, time and body."""
    if not keys.signs(secret):
        raise ValueError("a public key cannot sign: add a secret, whsec_… or whsk_…")
    timestamp = str(int(now))
    return {
        "webhook-timestamp": timestamp,
        "webhook-signature": signature.sign(secret, signature.header(delivery.headers, "id"), timestamp, delivery.body),
    }
