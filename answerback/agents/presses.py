"""Pressed buttons and chosen options: which agent they belong to, and whether a press is a repeat."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.events import Event
from answerback.messages import Message

DOUBLE_CLICK = 3000
"""ms within which a second press by the same person is an accident, where the first one led to no reply."""

OUT_OF_USE = "This is no longer in use."
"""The reply to a person who presses a button, or sends a form, of an agent that is gone."""
TWICE = "the same button was pressed before, and that was being answered"


def press_of(event: Event) -> str:
    """Return which button was pressed, or which option was chosen; "" for any other event."""
    action = event.action
    if action is None or action.type not in ("button", "select"):
        return ""
    return f"{action.type}\n{action.message}\n{action.name}\n{action.value}"


def is_ours(event: Event) -> bool:
    """Return whether an event is the press of a button of one of our replies, or a form that we opened."""
    return bool(event.reply and event.action and event.action.type in ("button", "select", "form"))


def poster(history: Sequence[Message], event: Event, last: str) -> str:
    """Return the name of the agent that posted the button or opened the form; "" if that is not known.

    Args:
        last: The thread's agent: of a message that is too old for the history, it is the likeliest one.
    """
    if not is_ours(event):
        return ""
    turn = event.reply.partition(".")[0]
    return next((each.agent for each in reversed(history) if each.turn == turn and each.role == "assistant"), last)


def pressed_twice(history: Sequence[Message], event: Event, stored: int) -> bool:
    """Return whether the same person has pressed the same button before, and this before it was answered.

    Args:
        stored: When this event was stored, ms; 0 if unknown.
    """
    press = press_of(event)
    if not press:
        return False
    answered = {each.turn: each.at for each in history if each.role == "assistant"}
    for each in history:
        if each.pressed != press or each.author is None or each.author.id != event.author.id:
            continue
        if at := answered.get(each.turn):
            if at >= stored > 0:
                return True
        elif each.at and event.at and abs(event.at - each.at) < DOUBLE_CLICK:
            return True
    return False
