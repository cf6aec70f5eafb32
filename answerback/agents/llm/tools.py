"""Decorators for tools: `@idempotent` and `@public`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def idempotent(tool: F) -> F:
    """Declare that a tool may be run again if it raised or its worker died while it ran.

    A repeated call has the same idempotency key: `turn.key`, or `ctx.deps.key` in a tool that takes
    a `RunContext[Turn]`. A tool without this decorator is never repeated silently: the model is informed
    that the outcome is unknown, unless the tool raised `NoEffect`.

    Example:
        @idempotent
        async def find_issue(query: str) -> str:
            return await tracker.search(query)
    """
    tool.__answerback_idempotent__ = True  # type: ignore[attr-defined]
    return tool


def is_idempotent(tool: object) -> bool:
    """Return whether a tool was declared `idempotent`."""
    return bool(getattr(tool, "__answerback_idempotent__", False))


def public(tool: F) -> F:
    """Declare that a page's visitors may read the arguments and results of this tool.

    Otherwise they see only its name. Your own server, with its API key, always reads everything.

    Example:
        @public
        async def opening_hours(city: str) -> str:
            return HOURS[city]
    """
    tool.__answerback_public__ = True  # type: ignore[attr-defined]
    return tool


def is_public(tool: object) -> bool:
    """Return whether a tool was declared `public`."""
    return bool(getattr(tool, "__answerback_public__", False))
