"""The raw body of a webhook, kept with its event where an agent asks for it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec

from answerback.events import Amendment, Event
from answerback.notifications import Notification

LARGEST = 262_144
"""The most bytes of a body that is kept. Payloads with a message are rarely above a tenth of it."""


def with_raw(events: Sequence[Event | Amendment | Notification], body: bytes) -> list[Event | Amendment | Notification]:
    """Return the events of a webhook with its body; as they are if it is too large."""
    if len(body) > LARGEST:
        return list(events)
    packed = zlib.compress(body, 1)
    return [_with(event, packed) for event in events]


def unpacked(packed: bytes) -> Any:
    """Return a stored body as data: its JSON, or the fields of a form; the JSON in a form's `payload`."""
    body = zlib.decompress(packed)
    try:
        return json.loads(body)
    except ValueError:
        form = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
    if payload := form.get("payload"):
        return json.loads(payload[0])
    return {name: values[0] for name, values in form.items()}


def _with(event: Event | Amendment | Notification, packed: bytes) -> Event | Amendment | Notification:
    if isinstance(event, Event):
        return msgspec.structs.replace(event, raw_body=packed)
    if not isinstance(event, Amendment):
        return event
    # An edit becomes an event of its own if it adds a mention.
    own = msgspec.structs.replace(event.event, raw_body=packed) if event.event else None
    return msgspec.structs.replace(event, event=own)
