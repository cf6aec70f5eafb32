"""Regular expressions of flows: by an engine that takes linear time, whatever they look for in whatever text."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError


@lru_cache(maxsize=1024)
def pattern(source: str) -> TypeAdapter[str]:
    """A regular expression whose time is linear (https://docs.rs/regex). Raises `ValueError` with its fault."""
    try:
        return TypeAdapter(Annotated[str, StringConstraints(pattern=source)])
    except SchemaError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise ValueError(lines[-1].removeprefix("error: ") if lines else "is no regular expression") from None


def matches(value: Any, source: str) -> bool:
    """Whether a text has a match. Anchor it yourself: "^[0-9]{4}$"."""
    try:
        pattern(source).validate_python(str(value))
    except ValidationError:
        return False
    return True
