"""Optional dependencies, such as those that `pip install 'answerback[models]'` adds."""

from __future__ import annotations

from importlib.util import find_spec

_MODULES = {
    "models": ("pydantic_ai",),
    "mcp": ("mcp",),
    "otel": ("opentelemetry", "opentelemetry.sdk"),
}


def missing(extra: str) -> str:
    """Return how to install an extra, or "" if it is installed. It is looked for, not imported."""
    # In their order: looking for a module imports the packages that it is in.
    return "" if all(map(find_spec, _MODULES[extra])) else f"pip install 'answerback[{extra}]'"
