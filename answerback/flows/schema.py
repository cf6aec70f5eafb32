"""The JSON schema of the values that an edge collects: check the schema, and check values against it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.exceptions import SchemaError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from answerback.flows.patterns import matches, pattern

Schema = dict[str, Any]
ANSWER = 1000
"""Maximum length of a message that is taken as a value, in characters."""

_NUMBER = {"integer": r"[+-]?\d{1,18}", "number": r"[+-]?\d{1,18}(\.\d{1,18})?"}
_BOOLEAN = {"true": True, "yes": True, "false": False, "no": False}


def _pattern(_: Any, source: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not matches(instance, source):
        yield ValidationError(f"{instance!r} does not match {source!r}")


# With linear-time regular expressions, and a registry that fetches nothing.
_Validator: Any = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


@lru_cache(maxsize=1024)
def _validator(schema: str) -> Any:
    return _Validator(json.loads(schema), registry=Registry())


def fields(schema: Schema | None) -> dict[str, Any]:
    """Return the schema of each field."""
    properties = (schema or {}).get("properties")
    return properties if isinstance(properties, dict) else {}


def required(schema: Schema | None) -> list[str]:
    """Return the names of the required fields."""
    names = (schema or {}).get("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def fault(schema: Schema) -> str | None:
    """Return why this is not a valid schema of an object with fields; None if it is."""
    try:
        # Patterns are checked below, since they are not Python's regular expressions.
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(()))
    except SchemaError as error:
        where = ".".join(str(part) for part in error.absolute_path)
        return f"is not a JSON schema: {f'{where}: ' if where else ''}{error.message}"
    if schema.get("type", "object") != "object":
        return f'describes a {schema["type"]}: it must describe an object whose "properties" are the values to collect'
    for name in required(schema):
        if name not in fields(schema):
            return f'requires "{name}", which is not among its properties'
    for source in _texts(schema, "pattern"):
        try:
            pattern(source)
        except ValueError as error:
            return f"has a pattern that is not a regular expression: {source!r} ({error})"
    here: Registry[Any] = Registry().with_resource("", DRAFT202012.create_resource(schema))
    for reference in _texts(schema, "$ref"):
        try:
            here.resolver().lookup(reference)
        except Unresolvable:
            return f"has a $ref that is not in it: {reference}"
    return None


def _texts(schema: Any, keyword: str) -> Iterator[str]:
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == keyword and isinstance(value, str):
                yield value
            else:
                yield from _texts(value, keyword)
    elif isinstance(schema, list):
        for one in schema:
            yield from _texts(one, keyword)


def faults(schema: Schema, values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the values, a line each."""
    lines = []
    for error in _validator(json.dumps(schema)).iter_errors(dict(values)):
        where = ".".join(str(part) for part in error.absolute_path)
        lines.append(f"{where}: {error.message}" if where else error.message)
    return lines


def said(schema: Schema, text: str) -> dict[str, Any] | None:
    """Return the values if the message as a whole is the only one wanted, {} if none is wanted, None otherwise."""
    wanted = required(schema) or list(fields(schema))
    if not wanted:
        return {}
    text = text.strip()
    if len(wanted) > 1 or not text or len(text) > ANSWER:
        return None
    for value in _readings(fields(schema)[wanted[0]], text):
        if not faults(schema, {wanted[0]: value}):
            return {wanted[0]: value}
    return None


def _readings(field: Any, text: str) -> Iterator[Any]:
    """Yield the values that a text may stand for in a field."""
    field = field if isinstance(field, dict) else {}
    kinds = field.get("type", "string")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind == "boolean" and text.lower().rstrip(".!") in _BOOLEAN:
            yield _BOOLEAN[text.lower().rstrip(".!")]
        elif kind in _NUMBER and re.fullmatch(_NUMBER[kind], text):
            yield int(text) if re.fullmatch(_NUMBER["integer"], text) else float(text)
    for choice in [*(field.get("enum") or []), *([field["const"]] if "const" in field else [])]:
        if str(choice).casefold() == text.casefold():
            yield choice
    yield text
