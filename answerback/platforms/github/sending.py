"""Complete the headers of a payload as GitHub does, for `answerback send`."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from answerback.platforms import Headers
from answerback.platforms.github.kinds import infer


def complete(headers: Headers, payload: Mapping[str, object], *, event: str | None, delivery: str | None) -> Headers:
    """Return the headers with the event's name, inferred from the keys of the payload, and a delivery id."""
    return {
        **headers,
        "x-github-event": event or headers.get("x-github-event") or _event(payload),
        "x-github-delivery": delivery or headers.get("x-github-delivery") or str(uuid4()),
    }


def _event(payload: Mapping[str, object]) -> str:
    """Infer the event's name from the keys of the payload: GitHub names it only in a header."""
    if "zen" in payload:
        return "ping"
    if name := infer(payload):
        return name
    raise ValueError("cannot infer the event from this payload: name it, for example --event issue_comment")
