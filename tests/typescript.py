"""JSON schemas as TypeScript."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_PRIMITIVES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def interface(name: str, schema: Schema, *, described: bool = False) -> str:
    """Return the declaration of an object; `described`: with its descriptions as comments."""
    lines = [f"/** {sentence(schema)}. */"] if described else []
    lines.append(f"export interface {name} {{")
    for field, about in schema.get("properties", {}).items():
        if described and (text := about.get("description")):
            lines.append(f"  /** {text} */")
        optional = "" if field in schema.get("required", ()) else "?"
        lines.append(f"  {field}{optional}: {type_of(about)};")
    return "\n".join([*lines, "}\n"])


def type_of(schema: Schema) -> str:
    """Return the type of a value; `unknown` if the schema allows anything."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return f'"{schema["const"]}"'
    if union := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(type_of(each) for each in union)
    if allowed := values(schema):
        return " | ".join(f'"{value}"' for value in allowed)
    match schema.get("type"):
        case "array":
            items = type_of(schema.get("items", {}))
            return f"({items})[]" if "|" in items else f"{items}[]"
        case "object":
            values_of = schema.get("additionalProperties")
            return f"Record<string, {type_of(values_of) if isinstance(values_of, dict) else 'unknown'}>"
        case kind:
            return _PRIMITIVES.get(str(kind), "unknown")


def values(schema: Schema) -> list[str]:
    """Return the values that a string may have; empty if it may have any."""
    listed: list[str] = schema.get("examples") or schema.get("enum") or []
    return listed


def sentence(schema: Schema) -> str:
    """Return the first line of a schema's description."""
    return str(schema["description"]).partition("\n")[0].removesuffix(".")
