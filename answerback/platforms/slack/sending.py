"""Sign a payload as Slack does, for `answerback send`."""

from __future__ import annotations

from collections.abc import Mapping

from answerback.platforms import Headers
from answerback.platforms.signing import digest


def complete(headers: Headers, payload: Mapping[str, object], *, event: str | None, delivery: str | None) -> Headers:
    """Return the headers as they are: everything that `parse` reads is in the payload."""
    return headers


def sign(secret: str, headers: Headers, body: bytes, now: float) -> Headers:
    """Return the headers with the time and the signature of both."""
    timestamp = str(int(now))
    signature = digest(secret.encode(), b"v0:%b:%b" % (timestamp.encode(), body)).hex()
    return {"x-slack-request-timestamp": timestamp, "x-slack-signature": f"v0={signature}"}
