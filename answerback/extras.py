"""Optional dependencies, which `pip install 'answerback[models]'` and `'answerback[mcp]'` add."""

from __future__ import annotations

from importlib.util import find_spec

_MODULES = {"models": "pydantic_ai", "mcp": "mcp"}


def missing(extra: str) -> str:
    """Return how to install an extra, or "" if it is installed. It is looked for, not imported."""
    return "" if find_spec(_MODULES[extra]) else f"pip install 'answerback[{extra}]'"
