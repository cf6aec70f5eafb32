"""Agents that are functions: an async function, or an async generator whose pieces are streamed."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

from answerback.agents.turn import Turn

Think = Callable[[Turn], Awaitable[Any]]
"""Runs a turn, and returns its last reply or None; the structured output of an agent that has an `output` type."""
Generate = Callable[[Turn], AsyncIterator[str]]
"""Runs a turn, and yields its reply in pieces."""


def writes_in_pieces(think: Think | Generate | None) -> bool:
    """Return whether an agent's function yields its reply in pieces."""
    return think is not None and inspect.isasyncgenfunction(inspect.unwrap(think))


def as_function(think: Think | Generate) -> Think:
    """Return an agent's function. A generator is wrapped: its pieces are streamed, and the whole reply is returned."""
    if not writes_in_pieces(think):
        return cast("Think", think)
    generate = cast("Generate", think)

    async def stream(turn: Turn) -> str:
        pieces: list[str] = []
        async for piece in generate(turn):
            turn.write(piece)
            pieces.append(piece)
        return "".join(pieces)

    return stream
