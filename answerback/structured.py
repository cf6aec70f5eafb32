"""Structured input and output: plain JSON data, bounded, and checked against a JSON schema."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from answerback.errors import InvalidInput

LARGEST = 65_536
"""The most bytes of an input, as JSON."""
DEEPEST = 64
"""The most levels of nested objects and arrays in it: parsers along the way have limits of their own."""
PROBLEMS = 5
"""The most mismatches that an error lists."""


def encoded(value: object) -> bytes:
    """Return a value as compact JSON: plain data, a pydantic model, a dataclass, a msgspec struct, or made of these.

    Raises:
        InvalidInput: it is too large or too deeply nested, or something in it is not plain data.
    """
    try:
        data = msgspec.to_builtins(value, str_keys=True, enc_hook=_plain)
        _check_depth(data)
        raw = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError:
        raise InvalidInput(f"the input has more than {DEEPEST} levels") from None
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"the input cannot be written as JSON: {error}") from None
    if len(raw) > LARGEST:
        raise InvalidInput(
            f"the input has {len(raw)} bytes as JSON; at most {LARGEST} are stored. Pass a reference to what is larger."
        )
    return raw


def check(agent: str, input_json: bytes, schema: bytes) -> None:
    """Raise `InvalidInput` unless an input matches the agent's JSON schema. Without a schema, anything does."""
    if not schema:
        return
    import jsonschema  # takes long to import: only agents with a schema need it

    validator = jsonschema.Draft202012Validator(json.loads(schema))
    problems = [
        f"{'.'.join(map(str, error.absolute_path)) or 'input'}: {error.message[:200]}"
        for error in validator.iter_errors(json.loads(input_json))
    ]
    if problems:
        raise InvalidInput(mismatch(agent, problems))


def mismatch(agent: str, problems: Iterable[str]) -> str:
    """Return the message about an input that does not match what an agent declares."""
    listed = list(problems)
    more = f"; and {len(listed) - PROBLEMS} more" if len(listed) > PROBLEMS else ""
    return f'not a valid input of the agent "{agent}": {"; ".join(listed[:PROBLEMS])}{more}'


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} is not plain data")


def _check_depth(data: object) -> None:
    level, items = 0, [data]
    while items := [
        inner
        for item in items
        if isinstance(item, dict | list)
        for inner in (item.values() if isinstance(item, dict) else item)
    ]:
        level += 1
        if level > DEEPEST:
            raise RecursionError
