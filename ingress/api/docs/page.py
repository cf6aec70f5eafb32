"""The OpenAPI document as one HTML page, without a script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from ...problems import CODES

CSS = Path(__file__).with_name("page.css").read_text()

_SHOWN = {
    "key": "any API key",
    "publishable": "a publishable key",
    "session": "the session's token",
    "user": "a user token",
}


def page(document: Mapping[str, Any]) -> str:
    """Return the OpenAPI document as an HTML page."""
    info, tags = document["info"], [tag["name"] for tag in document["tags"]]
    operations = [
        (path, method.upper(), operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    links = [*tags, "Problems", "Schemas"]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(info['title'])} API</title><style>{CSS}</style></head><body>",
        f"<h1>{escape(info['title'])} API</h1><p>Version {escape(info['version'])} · ",
        '<a href="openapi.json">OpenAPI document</a></p>',
        *(f"<p>{_text(paragraph)}</p>" for paragraph in info["description"].split("\n\n")),
        "<nav>" + "".join(f'<a href="#{_slug(name)}">{escape(name)}</a>' for name in links) + "</nav><main>",
    ]
    for tag in tags:
        parts.append(f'<section id="{_slug(tag)}"><h2>{escape(tag)}</h2>')
        parts += [_operation(*each) for each in operations if tag in each[2]["tags"]]
        parts.append("</section>")
    parts.append('<section id="problems"><h2>Problems</h2><p>Errors are problem+json documents (RFC 9457). ')
    parts.append("Where programs may need to distinguish them, <code>type</code> ends with one of these codes.</p>")
    rows = [(f'<code id="{code}">{code}</code>', _text(meaning)) for code, meaning in CODES.items()]
    parts += [_table("", ("type", "meaning"), rows), '</section><section id="schemas"><h2>Schemas</h2>']
    parts += [_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    return "".join([*parts, "</section></main></body></html>\n"])


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    needs = {name: scopes for each in operation["security"] for name, scopes in each.items()}
    key = " or ".join(
        f"an API key with <code>{escape(scopes[0])}</code>" if scopes else _SHOWN[name]
        for name, scopes in needs.items()
    )
    parts = [
        f'<details id="{escape(operation["operationId"])}"><summary><b>{method}</b><h3><code>{escape(path)}</code> ',
        f"{escape(operation['summary'])}</h3></summary><p>Needs {key or 'no key'}.</p>",
    ]
    if "description" in operation:
        parts += [f"<p>{_text(paragraph)}</p>" for paragraph in operation["description"].split("\n\n")]
    if parameters := operation.get("parameters"):
        rows = [
            (
                f"<code>{escape(each['name'])}</code>{' (required)' if each.get('required') else ''}",
                each["in"],
                _type(each["schema"]),
                _text(each.get("description", "")),
            )
            for each in parameters
        ]
        parts.append(_table("Parameters", ("name", "in", "type", "meaning"), rows))
    if "requestBody" in operation:
        parts.append(f"<p>Body: {_contents(operation['requestBody'])}</p>")
    rows2 = [
        (f"<code>{status}</code>", _text(answer["description"]), _contents(answer))
        for status, answer in operation["responses"].items()
    ]
    parts.append(_table("Responses", ("status", "when", "content"), rows2))
    return "".join([*parts, "</details>"])


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        (
            f"<code>{escape(field)}</code>{' (required)' if field in required else ''}",
            _type(shape),
            _text(shape.get("description", "")),
        )
        for field, shape in schema.get("properties", {}).items()
    ]
    about = f"<p>{_text(schema['description'])}</p>" if "description" in schema else ""
    shown = _table("", ("field", "type", "meaning"), rows) if rows else f"<p>{_type(schema)}</p>"
    return f'<details id="schema-{escape(name)}"><summary><h3>{escape(name)}</h3></summary>{about}{shown}</details>'


def _contents(of: Mapping[str, Any]) -> str:
    kinds = of.get("content", {}).items()
    return ", ".join(f"<code>{escape(kind)}</code> {_type(content['schema'])}" for kind, content in kinds)


def _type(schema: Mapping[str, Any]) -> str:
    match schema:
        case {"$ref": str(reference)}:
            name = escape(reference.rpartition("/")[2])
            text = f'<a href="#schema-{name}">{name}</a>'
        case {"properties": {"event": _, "data": {"contentSchema": data}}}:
            text = _type(data)
        case {"anyOf": list(several)} | {"oneOf": list(several)}:
            text = " or ".join(map(_type, several))
        case {"enum": list(values)}:
            text = " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
        case {"const": value}:
            text = f"<code>{escape(json.dumps(value))}</code>"
        case {"type": "array"}:
            text = f"list of {_type(schema.get('items', {}))}"
        case _:
            text = escape(str(schema.get("type", "anything")))
    limits = [
        f"{words} {escape(str(schema[name]))}"
        for name, words in (
            ("minimum", "at least"),
            ("maximum", "at most"),
            ("minLength", "length from"),
            ("maxLength", "length to"),
            ("pattern", "matches"),
            ("default", "default:"),
        )
        if schema.get(name) is not None
    ]
    return f"{text}, {', '.join(limits)}" if limits else text


def _table(caption: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table. The cells are HTML."""
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    heads = "".join(f'<th scope="col">{name}</th>' for name in head)
    title = f"<caption>{caption}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def _text(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))


def _slug(text: str) -> str:
    return re.sub(r"\W+", "-", text.lower())
