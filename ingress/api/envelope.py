"""Stream events in one shape: JSON objects with a `type`, for clients that read only the data of an SSE event."""

from __future__ import annotations

import msgspec

NAMES = {"turn": "turn_id", "message": "message_id"}
"""The fields of every event that have another name in its envelope."""
NAMES_OF = {"accepted": {"id": "message_id"}, "text": {"text": "delta"}}
"""The same for the events of one kind."""
TOOL_FIELDS = ("id", "name", "args", "result", "outcome", "public")
"""The fields of a tool event, which are in `tool_call`."""
ERROR_FIELDS = ("code", "reason")
"""The fields of a failure, which are in `error`."""

# Values are copied as they are: no number loses its precision.
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def envelope(kind: str, data: bytes) -> bytes:
    """Return the envelope of a stream event: its kind as `type`, and its fields, some in other places."""
    fields = _fields.decode(data)
    parts = {"tool_call": TOOL_FIELDS} if kind in ("tool_call", "tool_result") else {"error": ERROR_FIELDS}
    names = NAMES | NAMES_OF.get(kind, {})
    envelope: dict[str, object] = {"type": kind}
    for part, members in parts.items():
        if values := {name: fields.pop(name) for name in members if name in fields}:
            envelope[part] = values
    return _encode(envelope | {names.get(name, name): value for name, value in fields.items()})
