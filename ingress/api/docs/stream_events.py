"""JSON schemas of the events in a thread's stream, for the OpenAPI document, docs/api.md and the types of the pages."""

from __future__ import annotations

from typing import Any

import msgspec

from answerback.store.stream.events import KINDS

from ..schemas.message_views import ReceiptView, Usage
from ..sse import ForgottenEvent

Schema = dict[str, Any]

STREAMED: dict[str, str] = {
    "accepted": ReceiptView.__name__,
    **{kind: struct.__name__ for kind, struct in KINDS.items()},
    ForgottenEvent.kind: ForgottenEvent.__name__,
}
"""The kinds of events, each with the name of the schema of its data."""
SHARED = (ReceiptView, Usage)
"""The models of routes that events refer to."""
REFERENCE = "#/components/schemas/{name}"


def schemas() -> dict[str, Schema]:
    """Return the schemas of the events and of what they refer to, by name, without `SHARED`.

    Fields are required if every reader gets them, including visitors.
    """
    structs = [*KINDS.values(), ForgottenEvent]
    _, definitions = msgspec.json.schema_components(structs, ref_template=REFERENCE)
    for shared in SHARED:
        definitions.pop(shared.__name__, None)
    # The routes have an `Author` without a kind.
    definitions["EventAuthor"] = definitions.pop("Author") | {"title": "EventAuthor"}
    definitions["TurnMessage"]["properties"]["author"] = {"$ref": REFERENCE.format(name="EventAuthor")}
    for schema in definitions.values():
        for field in schema["properties"].values():
            # It is what code reads where a visitor gets no field.
            field.pop("default", None)
        schema["description"] = schema["description"].partition("\n")[0]
    return definitions


def event_stream() -> Schema:
    """Return the schema of the events in a thread's stream. `data` is JSON, of the schema of the event's kind."""
    return {
        "description": "each event of the stream",
        "type": "object",
        "required": ["event", "data"],
        "properties": {"id": {"type": "string", "description": "the position of the event; not every event has one"}},
        "oneOf": [
            {
                "properties": {
                    "event": {"const": kind},
                    "data": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "contentSchema": {"$ref": REFERENCE.format(name=name)},
                    },
                }
            }
            for kind, name in STREAMED.items()
        ],
    }
