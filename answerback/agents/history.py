"""Limit the history that an agent is given."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.messages import Message


def window(history: Sequence[Message], *, messages: int, tokens: int | None) -> list[Message]:
    """Return the newest part of `history` that fits both limits; it never starts in the middle of a turn.

    Tokens are estimated at 4 characters each.
    """
    if tokens is None and len(history) <= messages:
        return list(history)
    taken = 0
    cost = 0
    for message in reversed(history[-messages:]):
        cost += len(message.text) // 4 + 4
        if tokens is not None and cost > tokens:
            break
        taken += 1
    recent = list(history[len(history) - taken :])
    if len(recent) < len(history):
        # An answer without its question misleads a model: drop messages up to the start of a turn.
        while recent and recent[0].role == "assistant":
            recent.pop(0)
    return recent
