"""Limit the history that an agent is given."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from answerback.events import Event
from answerback.messages import Message

_failed = attrgetter("failed")


def window(history: list[Message], *, messages: int, tokens: int | None) -> list[Message]:
    """Return the newest part of `history` that fits both limits; it never starts in the middle of a turn.

    Tokens are estimated at 4 characters each.
    """
    if tokens is None and len(history) <= messages:
        return history
    taken = 0
    cost = 0
    for message in reversed(history[-messages:]):
        cost += len(message.text) // 4 + 4
        if tokens is not None and cost > tokens:
            break
        taken += 1
    recent = history[len(history) - taken :]
    if len(recent) < len(history):
        # An answer without its question misleads a model: drop messages up to the start of a turn.
        while recent and recent[0].role == "assistant":
            recent.pop(0)
    return recent


def history_for(
    event: Event, history: Sequence[Message], earlier: Sequence[Message], *, messages: int, tokens: int | None
) -> list[Message]:
    """Return the history for a turn: what was committed, or the context given by the sender.

    Args:
        event: The newest event of the turn.
        earlier: Messages of the history that are events of this turn: they are left out.
    """
    again = {message.id for message in earlier}
    if event.context is not None:
        # A context given by the sender is not cut: the agent would not know what was left out.
        return [message for message in event.context if message.id not in again]
    if not again and not any(map(_failed, history)):
        return window([*history], messages=messages, tokens=tokens)
    kept = [message for message in history if not message.failed and message.id not in again]
    return window(kept, messages=messages, tokens=tokens)
