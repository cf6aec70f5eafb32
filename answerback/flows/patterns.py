"""Regular expressions in flows, run by an engine with guaranteed linear time."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError


@lru_cache(maxsize=1024)
def pattern(source: str) -> TypeAdapter[str]:
    """Compile a regular expression for the linear-time engine (https://docs.rs/regex). Raises `ValueError`."""
    try:
        return TypeAdapter(Annotated[str, StringConstraints(pattern=source)])
    except SchemaError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise ValueError(lines[-1].removeprefix("error: ") if lines else "not a regular expression") from None


def matches(value: Any, source: str) -> bool:
    """Return whether the pattern matches anywhere in the value. Anchor it if needed: "^[0-9]{4}$"."""
    try:
        pattern(source).validate_python(str(value))
    except ValidationError:
        return False
    return True
