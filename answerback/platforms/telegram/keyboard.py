"""Buttons and menus as an inline keyboard, and what a pressed button brings back.

https://core.telegram.org/bots/api#inlinekeyboardbutton
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from answerback.outgoing import Button, Select
from answerback.platforms.decoding import Spare, tolerant

DATA = 64
"""Bytes that Telegram keeps for a button."""
_ROW = 30
"""Characters of the labels that fit into one row."""
_BUTTONS, _URL = 100, 2000
_KEY = re.compile(r"[0-9a-f]{20}\.[0-9.]{1,12}", re.ASCII)
_MARKS = {"b": False, "m": True}


class Pressed(NamedTuple):
    """What a button brings back. `menu`: whether it was an option of a menu."""

    reply: str = ""
    name: str = ""
    value: str = ""
    menu: bool = False


class _Button(msgspec.Struct):
    text: Spare[str] = None
    callback_data: Spare[str] = None


class _Markup(msgspec.Struct):
    inline_keyboard: Spare[list[list[_Button]]] = None


_markup = msgspec.json.Decoder(_Markup)


def keyboard(key: str, actions: Sequence[Button | Select]) -> dict[str, object]:
    """Return the argument that shows buttons below a message; nothing without buttons."""
    if not actions:
        return {}
    rows: list[list[dict[str, str]]] = []
    width = _ROW
    for action in actions:
        if isinstance(action, Select):
            rows += [[{"text": label, "callback_data": data}] for label, data in _options(key, action)]
            width = _ROW
            continue
        shown = {"text": action.label} | ({"url": action.url} if action.url else {"callback_data": _data(key, action)})
        if width + len(action.label) > _ROW:
            rows.append([])
            width = 0
        rows[-1].append(shown)
        width += len(action.label)
    return {"reply_markup": {"inline_keyboard": rows}}


def check(key: str, actions: Sequence[Button | Select]) -> str:
    """Return why Telegram would refuse the buttons; "" if it would not."""
    shown = sum(len(action.options) if isinstance(action, Select) else 1 for action in actions)
    if shown > _BUTTONS:
        return f"Telegram shows at most {_BUTTONS} buttons and options below a message, not {shown}"
    return next((problem for action in actions for problem in _problems(key, action)), "")


def pressed(data: str) -> Pressed:
    """Return what a button brings back. One that we did not make has its data as its value."""
    parts = data.split("\n", 2)
    if len(parts) == 3 and parts[0][:1] in _MARKS and _KEY.fullmatch(parts[0][1:]):
        return Pressed(parts[0][1:], parts[1], parts[2], _MARKS[parts[0][0]])
    return Pressed(value=data)


def label_of(markup: msgspec.Raw, data: str) -> str:
    """Return the label of the button with this data; "" if the message does not show it."""
    try:
        rows = tolerant(_markup, markup).inline_keyboard or []
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    return next((each.text or "" for row in rows for each in row if each.callback_data == data), "")


def _data(key: str, button: Button) -> str:
    # The label comes back with the message.
    return f"b{key}\n{'' if button.name in ('', button.label) else button.name}\n{button.value}"


def _options(key: str, menu: Select) -> Iterator[tuple[str, str]]:
    for label, value in menu.options:
        yield label, f"m{key}\n{menu.name}\n{value or label}"


def _problems(key: str, action: Button | Select) -> Iterator[str]:
    if isinstance(action, Button) and action.url:
        if len(action.url) > _URL:
            yield f"the URL of the button {action.label!r} has {len(action.url)} characters; Telegram accepts {_URL}"
        return
    each = _options(key, action) if isinstance(action, Select) else [(action.label, _data(key, action))]
    for label, data in each:
        if not label.strip():
            yield "a button needs a label"
        if (over := len(data.encode(errors="replace")) - DATA) > 0:
            room = DATA - len(key.encode()) - 3
            yield (
                f"the button {label[:80]!r} is too long by {over} bytes: Telegram keeps {DATA} bytes of a button, of "
                f"which {room} are left for its name and value. Give it a short value, and look up the rest by it"
            )
        if "\n" in data.split("\n", 2)[1]:
            yield f"the name of the button {label[:80]!r} has several lines"
