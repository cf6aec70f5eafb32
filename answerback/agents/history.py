"""Limit the history that an agent is given."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.agents.outcome import already_in_history
from answerback.events import Event
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


def history_for(
    events: Sequence[Event], history: Sequence[Message], *, messages: int, tokens: int | None
) -> list[Message]:
    """Return the history for a turn that answers `events`: what was committed, or the context given by the sender."""
    # An interrupted turn leaves its messages in the history; now they are events of this turn.
    context = events[-1].context
    if context is not None:
        # A context given by the sender is not cut: the agent would not know what was left out.
        answered_now = already_in_history(history, events)
        return [message for message in context if message.id not in answered_now]
    ids = {event.id for event in events}
    kept = [each for each in history if not each.failed and (each.role == "assistant" or each.id not in ids)]
    return window(kept, messages=messages, tokens=tokens)
