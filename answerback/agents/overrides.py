"""What an agent's `prepare` function changes for one turn."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypedDict

from answerback.agents.turn import Turn
from answerback.errors import TurnFailed

if TYPE_CHECKING:
    from pydantic_ai.models import Model


class Overrides(TypedDict, total=False):
    """What a turn has instead of what its agent declares; a field that is left out stays as declared.

    Attributes:
        model: A language model.
        instructions: Instructions for the model.
        tools: All tools of the turn.
    """

    model: str | Model
    instructions: str
    tools: Sequence[Any]


Prepare = Callable[[Turn], Overrides | Awaitable[Overrides | None] | None]
"""Returns what is different in a turn; None: nothing."""


async def overrides(agent: str, prepare: Prepare, turn: Turn) -> Overrides:
    """Return what is different in a turn. Raises `TurnFailed` if `prepare` returned anything else."""
    changes = prepare(turn)
    if inspect.isawaitable(changes):
        changes = await changes
    if changes is None:
        return {}
    if not isinstance(changes, Mapping):
        raise TurnFailed(f'prepare of agent "{agent}" must return a dict or None, not {changes!r}')
    names = Overrides.__annotations__
    for name in changes:
        if name not in names:
            close = get_close_matches(str(name), names, n=1)
            hint = f'Did you mean "{close[0]}"?' if close else f"Choose from: {', '.join(names)}."
            raise TurnFailed(f'prepare of agent "{agent}" returned "{name}", which cannot be changed. {hint}')
    return changes
