"""Pressing the buttons of messages in memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.events import Action, Event
from answerback.messages import Author, Message
from answerback.outgoing import Button


def pressed(history: Sequence[Message], label: str, option: str) -> Event:
    """Return the event of a pressed button, or of a chosen option, of the newest message that has it.

    Its delivery, thread and author are for the caller to fill in.

    Raises:
        ValueError: There is no such button: the message names those that there are.
    """
    there = []
    for message in reversed(history):
        for action in message.actions:
            if isinstance(action, Button):
                there.append(action.label)
                if label in (action.label, action.name):
                    return _event(message, Action(type="button", name=action.name, value=action.value), action.label)
                continue
            for words, value in action.options:
                there.append(f"{action.name}: {words}")
                if label == action.name and option in (words, value):
                    return _event(message, Action(type="select", name=action.name, value=value), words)
    wanted = f"{label}: {option}" if option else label
    raise ValueError(f'there is no button or option "{wanted}" in the thread, but: {", ".join(there) or "none"}')


def _event(message: Message, action: Action, label: str) -> Event:
    verb = "pressed" if action.type == "button" else "chose"
    words = f"{verb} {label} (value: {action.value})" if action.value not in ("", label) else f"{verb} {label}"
    key = message.reply or message.id
    return Event(
        delivery="",
        thread="",
        kind=action.type,
        text=words,
        author=Author(""),
        action=msgspec.structs.replace(action, message=key),
        reply=key,
    )
