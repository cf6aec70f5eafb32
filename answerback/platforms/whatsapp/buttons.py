"""Buttons and menus as interactive messages, and what WhatsApp gives back of them.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-reply-buttons-messages
https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-list-messages
https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-cta-url-messages
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from answerback.outgoing import Button, Select
from answerback.platforms.text import encodable

Json = dict[str, object]

BODY = 1024
"""Characters above buttons. WhatsApp counts code points."""
_BUTTONS, _ROWS = 3, 10
_LABEL, _ROW = 20, 24
_BUTTON_ID, _ROW_ID = 256, 200
_URL = 2000


class PressedId(NamedTuple):
    """What an id of ours says: the reply that has the button, its name and its value."""

    reply: str
    name: str
    value: str


_id = msgspec.json.Decoder(tuple[str, str, str])


def id_of(key: str, name: str, value: str) -> str:
    """Return the id of a button, which comes back when it is pressed."""
    return msgspec.json.encode([key, encodable(name), encodable(value)]).decode()


def read_id(id: str) -> PressedId | None:
    """Return what an id says; None if it is another program's."""
    try:
        return PressedId(*_id.decode(id))
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def interactive(text: str, actions: Sequence[Button | Select], key: str) -> Json:
    """Return a message with buttons. Up to three are shown below it; below a long text they become a menu."""
    body: Json = {"text": text}
    first = actions[0]
    if isinstance(first, Button) and first.url:
        link = {"display_text": first.label, "url": first.url}
        return {"type": "cta_url", "body": body, "action": {"name": "cta_url", "parameters": link}}
    if isinstance(first, Select):
        rows: list[Json] = [
            {"id": id_of(key, first.name, value or label), "title": label} for label, value in first.options
        ]
        return _list(body, first.placeholder or "Choose", rows)
    buttons = [each for each in actions if isinstance(each, Button)]
    shown: list[Json] = [{"id": id_of(key, each.name, each.value), "title": each.label} for each in buttons]
    if len(text) > BODY:
        return _list(body, "Choose", shown)
    replies = [{"type": "reply", "reply": each} for each in shown]
    return {"type": "button", "body": body, "action": {"buttons": replies}}


def _list(body: Json, label: str, rows: Sequence[Json]) -> Json:
    return {"type": "list", "body": body, "action": {"button": label, "sections": [{"rows": rows}]}}


def problems(text: str, actions: Sequence[Button | Select], key: str) -> Iterator[str]:
    """Yield why WhatsApp would refuse these below the converted `text`."""
    menus = [each for each in actions if isinstance(each, Select)]
    buttons = [each for each in actions if isinstance(each, Button)]
    links = [each for each in buttons if each.url]
    if menus and len(actions) > 1:
        yield "WhatsApp shows one menu below a message, and no button beside it"
    elif links and len(actions) > 1:
        yield "WhatsApp shows a button with a URL only alone: write the address into the text"
    elif links and len(text) > BODY:
        yield f"WhatsApp shows a button with a URL below at most {BODY} characters: write the address into the text"
    elif len(buttons) > _BUTTONS:
        yield f"WhatsApp shows at most {_BUTTONS} buttons, not {len(buttons)}: use a Select, which takes {_ROWS}"
    for button in buttons:
        yield from _longer(f"the label of the button {button.label[:80]!r}", button.label, _LABEL)
        yield from _longer(f"the URL of the button {button.label!r}", button.url, _URL)
        most = _BUTTON_ID if len(text) <= BODY else _ROW_ID
        yield from _id_longer(f"the button {button.label!r}", id_of(key, button.name, button.value), most)
    for menu in menus:
        yield from _longer(f"the placeholder of the menu {menu.name!r}", menu.placeholder, _LABEL)
        if len(menu.options) > _ROWS:
            yield f"WhatsApp shows at most {_ROWS} options of a menu; {menu.name!r} has {len(menu.options)}"
        for label, value in menu.options:
            yield from _longer(f"the option {label[:80]!r} of the menu {menu.name!r}", label, _ROW)
            yield from _id_longer(f"the option {label!r}", id_of(key, menu.name, value or label), _ROW_ID)


def _longer(what: str, text: str, most: int) -> Iterator[str]:
    if len(text) > most:
        yield f"{what} has {len(text)} characters; WhatsApp accepts {most}"


def _id_longer(what: str, id: str, most: int) -> Iterator[str]:
    if len(id) > most:
        yield f"the name and the value of {what} are {len(id) - most} characters too long for WhatsApp"
