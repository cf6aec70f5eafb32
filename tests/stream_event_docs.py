"""The types of stream events for the pages, and their table in docs/api.md, generated from their schemas.

`python -m tests.stream_event_docs` writes both; a unit test checks that they are current.
"""

from __future__ import annotations

from ingress.api.auth.audience import PUBLIC_TOOLS, VISITORS
from ingress.api.docs.stream_events import SHARED, STREAMED, schemas
from tests.forks import ROOT
from tests.typescript import Schema, interface, sentence, values

TYPES = ROOT / "ingress" / "pages" / "stream-events.d.ts"
PAGE = ROOT / "docs" / "api.md"
HEADER = "// Stream events, from answerback/store/stream/events.py. Generated: python -m tests.stream_event_docs\n"
BEGIN, END = "<!-- generated: python -m tests.stream_event_docs -->\n", "<!-- end -->\n"


def all_schemas() -> dict[str, Schema]:
    """Return the schemas of all events, by name."""
    return schemas() | {model.__name__: model.model_json_schema() for model in SHARED}


def types() -> str:
    """Return the text of the file of types."""
    interfaces = [interface(name, schema, described=True) for name, schema in all_schemas().items()]
    kinds = "".join(f"  {kind}: {name};\n" for kind, name in STREAMED.items())
    union = (
        "/** An event of a stream: its kind decides the type of its data. */\n"
        "export type StreamEvent = {\n"
        "  [Kind in keyof StreamEvents]: { id: string; kind: Kind; data: StreamEvents[Kind] };\n"
        "}[keyof StreamEvents];\n"
    )
    about = "/** The data of each kind of event. */\n"
    return "\n".join([HEADER, *interfaces, f"{about}export interface StreamEvents {{\n{kinds}}}\n", union])


def table() -> str:
    """Return the table of the documentation."""
    rows = ["| event | field | |", "|---|---|---|"]
    named = all_schemas()
    for kind, name in STREAMED.items():
        rows.append(f"| `{kind}` | | {sentence(named[name])} |")
        for field, schema in named[name]["properties"].items():
            if field != "turn":
                rows.append(f"| | `{field}` | {_about(schema, kind, field)} |".replace("  ", " "))
    return "\n".join(rows) + "\n"


def updated(page: str) -> str:
    """Return the page of the documentation with the current table."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


def _about(schema: Schema, kind: str, field: str) -> str:
    allowed = ", ".join(f"`{value}`" for value in values(schema))
    readers = ""
    if field in PUBLIC_TOOLS.get(kind, ()):
        readers = "For visitors only if the tool is public"
    elif kind in VISITORS and field not in VISITORS[kind]:
        readers = "Not for visitors"
    return ". ".join(part for part in (allowed, schema.get("description", ""), readers) if part)


if __name__ == "__main__":
    TYPES.write_text(types())
    PAGE.write_text(updated(PAGE.read_text()))
