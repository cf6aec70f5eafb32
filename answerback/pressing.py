"""Buttons, menus and forms of messages, used by people: in a chat, and in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from answerback.events import Action, Event
from answerback.messages import Author, Message
from answerback.outgoing import Button
from answerback.platforms.choices import choices
from answerback.replies import Reply


def pressed(history: Sequence[Message], label: str, option: str = "", message: str = "") -> Event:
    """Return the event of a pressed button, or of a chosen option, of the newest message that has it.

    Its delivery, thread and author are for the caller to fill in. Its value is the button's own.

    Args:
        history: The messages, oldest first.
        label: The label or the name of a button; the name of a menu.
        option: The label or the value of the menu's option.
        message: The id of the message; "": any.

    Raises:
        ValueError: There is no such button: the message names those that there are.
    """
    there = []
    for each in reversed(history):
        if message and message not in (each.id, each.reply):
            continue
        for action in each.actions:
            if isinstance(action, Button):
                there.append(action.label)
                if label not in (action.label, action.name):
                    continue
                if action.url:
                    raise ValueError(f'the button "{action.label}" opens a page: a press sends no event')
                return _event(each, Action(type="button", name=action.name, value=action.value), action.label)
            for words, value in action.options:
                there.append(f"{action.name}: {words}")
                if label == action.name and option in (words, value):
                    return _event(each, Action(type="select", name=action.name, value=value), words)
    wanted = f"{label}: {option}" if option else label
    raise ValueError(f'there is no button or option "{wanted}" in the thread, but: {", ".join(there) or "none"}')


def numbered(history: Sequence[Message], event: Event) -> Event:
    """Return the press of the choice that has this number in the last answer, if an event consists of a number.

    Otherwise return the event itself; also if the last answer has no such choice, whatever earlier ones offered.
    """
    last = next((each for each in reversed(history) if each.role == "assistant"), None)
    if not event.choice or last is None:
        return event
    offers = [each for each in history if each.role == "assistant" and each.turn == last.turn and each.actions]
    offered = list(choices(offers[-1].actions)) if offers else []
    if event.choice > len(offered):
        return event
    label, action = offered[event.choice - 1]
    press = _event(offers[-1], action, label)
    return msgspec.structs.replace(
        event, kind=press.kind, text=press.text, action=press.action, reply=press.reply, choice=0
    )


def filled(outbox: Sequence[Reply], values: Mapping[str, Any]) -> Event:
    """Return the event of the form that was opened last. For the rest of it see `pressed`.

    Raises:
        ValueError: No form was opened, or it has no such field: the message names those that it has.
    """
    opened = next((reply for reply in reversed(outbox) if reply.content and reply.content.form), None)
    if opened is None or opened.content is None or opened.content.form is None:
        raise ValueError("no form was opened in the thread")
    form = opened.content.form
    entered: dict[str, Any] = {field.name: field.value or None for field in form.fields}
    if unknown := set(values) - set(entered):
        raise ValueError(f'the form "{form.name}" has no field {", ".join(sorted(unknown))}, but: {", ".join(entered)}')
    entered |= values
    words = "\n".join(f"{name}: {value}" for name, value in entered.items() if value is not None)
    return Event(
        delivery="",
        thread="",
        kind="form",
        text=f"sent {form.title}\n{words}".strip(),
        author=Author(""),
        action=Action(type="form", name=form.name, values=entered),
        reply=opened.key,
        input_json=msgspec.json.encode(entered),
    )


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
