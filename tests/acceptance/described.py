"""Calls made of the OpenAPI document alone: whatever routes there are, with given values wherever a text goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

AGENT_FIELDS = {"agent", "agentId", "model"}


class Names(NamedTuple):
    """What is filled in: an id for every text, the name of an agent where one goes, an address."""

    id: str
    agent: str
    url: str


class Operation:
    """An operation of the document."""

    def __init__(self, document: dict[str, Any], method: str, path: str) -> None:
        self._document = document
        self._described = document["paths"][path][method]
        self.method = method.upper()
        self.path = path
        self.fields = re.findall(r"\{(\w+)\}", path)
        self.security = {name for each in self._described["security"] for name in each}

    @staticmethod
    def all(document: dict[str, Any]) -> Iterator[Operation]:
        """Every one."""
        for path, methods in document["paths"].items():
            for method in methods:
                yield Operation(document, method, path)

    def address(self, names: Names, query: bool = True) -> str:
        """The path with what has to be asked for and, with `query`, all that may be asked for with a text."""
        path = re.sub(r"\{(\w+)\}", lambda found: _name(names, found[1]), self.path)
        texts = [
            f"{each['name']}={names.id}"
            for each in self._described.get("parameters", ())
            if each["in"] == "query" and self._is_text(each["schema"]) and (query or each.get("required"))
        ]
        return path + ("?" + "&".join(texts) if texts else "")

    def body(self, names: Names) -> Any:
        """A body that is right, with all there is to say; None where there is none."""
        content = self._described.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return None
        return self._filled(content["application/json"]["schema"], names, "")

    def _is_text(self, schema: dict[str, Any]) -> bool:
        found = self._chosen(schema)
        return found.get("type") == "string" and "enum" not in found

    def _chosen(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema or ("anyOf" in schema and "properties" not in schema) or "oneOf" in schema:
            if "$ref" in schema:
                schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            else:
                schema = (schema.get("anyOf") or schema["oneOf"])[0]
        return schema

    def _filled(self, schema: dict[str, Any], names: Names, field: str) -> Any:
        found = self._chosen(schema)
        if "const" in found or "enum" in found:
            return found["const"] if "const" in found else found["enum"][-1]
        match found.get("type"):
            case "object" if "properties" in found:
                each = found["properties"].items()
                # An action is instead of what is written.
                fields = [pair for pair in each if pair[0] != "action" or "content" not in found["properties"]]
                return {name: self._filled(part, names, name) for name, part in fields}
            case "object":
                # Free fields: what some of them mean is not in the document.
                return {"thread_id": names.id}
            case "array":
                return [self._filled(found["items"], names, field)] if found.get("minItems") else []
            case "string":
                return names.url if found.get("format") == "uri" else _name(names, field)
            case "boolean":
                return False
            case "integer" | "number":
                return found.get("minimum", 1)
        return names.id


def _name(names: Names, field: str) -> str:
    return names.agent if field in AGENT_FIELDS else names.id
