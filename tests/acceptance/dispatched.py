"""The agents to which tests dispatch events."""

from __future__ import annotations

from answerback import Agent, Turn
from answerback.errors import TurnFailed


async def clerk(turn: Turn) -> str:
    """Say who asks about which order, and fail for good if told to."""
    if isinstance(turn.input, str) or turn.input is None:
        return f"echo: {turn.text}"
    if turn.input.get("fail"):
        raise TurnFailed("on purpose")
    author = turn.event.author
    return f"{author.name or author.id} asks about order {turn.input['order']}: {turn.text}"


agents = [Agent("clerk", clerk)]
