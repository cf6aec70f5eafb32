"""What may be said of a tool: whether it can be run again, and who may read what it returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def idempotent(tool: F) -> F:
    """Declare that a tool may be run again when it raised, or a worker died in the middle of it.

    It is then given the same idempotency key as before, as `turn.key` (`ctx.deps.key` in a tool
    that takes a `RunContext[Turn]`). A tool that is not declared so is never repeated silently: the
    model is told that its outcome is unknown, unless the tool raised `NoEffect`.
    """
    tool.__answerback_idempotent__ = True  # type: ignore[attr-defined]
    return tool


def is_idempotent(tool: object) -> bool:
    """Whether a tool was declared `idempotent`."""
    return bool(getattr(tool, "__answerback_idempotent__", False))


def public(tool: F) -> F:
    """Declare that a page's visitors may read the arguments and results of this tool.

    Without it they read its name and nothing else. Your own server, with its API key, reads everything.
    """
    tool.__answerback_public__ = True  # type: ignore[attr-defined]
    return tool


def is_public(tool: object) -> bool:
    """Whether a tool was declared `public`."""
    return bool(getattr(tool, "__answerback_public__", False))
