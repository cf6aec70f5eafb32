"""Sign a payload and complete its headers as GitHub does, for `answerback send`."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from answerback.platforms import Headers
from answerback.platforms.github.webhook import KINDS
from answerback.platforms.signing import digest


def complete(headers: Headers, payload: Mapping[str, object], *, event: str | None, delivery: str | None) -> Headers:
    """Return the headers with the event's name, inferred from the keys of the payload, and a delivery id."""
    return {
        **headers,
        "x-github-event": event or headers.get("x-github-event") or _event(payload),
        "x-github-delivery": delivery or headers.get("x-github-delivery") or str(uuid4()),
    }


def sign(secret: str, headers: Headers, body: bytes, now: float) -> Headers:
    """Return the header with the signature of the body; GitHub signs nothing else."""
    return {"x-hub-signature-256": f"sha256={digest(secret.encode(), body).hex()}"}


def _event(payload: Mapping[str, object]) -> str:
    """Infer the event's name from the keys of the payload: GitHub names it only in a header."""
    if "zen" in payload:
        return "ping"
    matching = [name for name, kind in KINDS.items() if {kind.about, kind.post} <= payload.keys()]
    if not matching:
        raise ValueError("cannot infer the event from this payload: name it, for example --event issue_comment")
    return max(matching, key=lambda name: len({KINDS[name].about, KINDS[name].post}))
