"""TypeScript declarations of the API's responses that the pages read, generated from the OpenAPI document.

`python -m tests.api_types` writes them to ingress/pages/api.d.ts; a unit test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import Mock

from ingress.api.docs.openapi import document
from ingress.api.routes.routes import routes
from tests.forks import ROOT
from tests.typescript import Schema, interface

FILE = ROOT / "ingress" / "pages" / "api.d.ts"
HEADER = "// Responses of the API, from its OpenAPI document. Generated: python -m tests.api_types\n"
READ = (
    "GET /api/v1/agents",
    "POST /api/v1/chat/threads",
    "GET /api/v1/chat/threads/{id}/messages",
    "POST /api/v1/chat/threads/{id}/messages",
    "POST /api/v1/chat/sessions",
    "GET /api/v1/chat/sessions/{id}",
    "GET /api/v1/admin/session",
    "GET /api/v1/admin/overview",
    "GET /api/v1/admin/accounts",
    "GET /api/v1/admin/agent-templates",
    "GET /api/v1/admin/threads",
    "GET /api/v1/admin/threads/{thread}",
    "POST /api/v1/admin/threads/{thread}/cancel",
    "GET /api/v1/admin/dead-letters",
    "GET /api/v1/admin/dead-letters/{id}",
    "POST /api/v1/admin/dead-letters/replay",
)
"""The operations whose responses the pages read."""


def declarations() -> str:
    """Return the text of the file."""
    # Only the tables of routes are read: no handler runs.
    described = document(routes(Mock(), Mock(), Mock()))
    schemas: dict[str, Schema] = described["components"]["schemas"]
    needed: dict[str, None] = {"ProblemDetails": None}
    for operation in READ:
        method, path = operation.split()
        for response in described["paths"][path][method.lower()]["responses"].values():
            needed |= dict.fromkeys(_references(response.get("content", {}).get("application/json", {})))
    pending = list(needed)
    while pending:
        fresh = [name for name in _references(schemas[pending.pop()]) if name not in needed]
        needed |= dict.fromkeys(fresh)
        pending += fresh
    return "\n".join([HEADER, *(interface(name, schemas[name]) for name in sorted(needed))])


def _references(value: object) -> Iterator[str]:
    """Yield the names of the schemas that a part of the document refers to."""
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.rpartition("/")[2]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


if __name__ == "__main__":
    FILE.write_text(declarations())
