"""What a message may consist of, and how WhatsApp shows it.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, NamedTuple

from answerback.testing.standins.values import Json
from answerback.testing.standins.whatsapp.errors import refusal

LONGEST = 4096
_CAPTION, _BODY, _TITLE, _ID = 1024, 1024, 20, 256
_ROWS, _ROW_TITLE, _ROW_ID = 10, 24, 200


class Template(NamedTuple):
    """An approved template: the names of its variables, "" of those that are numbered, and its buttons.

    `refused`: the code with which it cannot be sent.
    """

    body: Sequence[str] = ()
    header: Sequence[str] = ()
    buttons: Sequence[str] = ()
    refused: int = 0


TEMPLATES = {
    ("answer_ready", "en_US"): Template(("",)),
    ("order_ready", "en_US"): Template(("", ""), ("",), ("quick_reply", "quick_reply", "url")),
    ("order_named", "en"): Template(("customer", "order")),
    ("closed_today", "en"): Template(),
    ("order_paused", "en"): Template(refused=132015),
    ("order_disabled", "en"): Template(refused=132016),
}
MEDIA = ("image", "video", "audio", "document", "sticker")


def shown(kind: str, content: Json, media: Container[str]) -> str:
    """Return the text that people see. Raises what WhatsApp refuses. `media`: the ids of files that it has."""
    if kind == "text":
        return _within("text.body", content.get("body"), LONGEST)
    if kind in MEDIA:
        if content.get("id") not in media:
            raise refusal(131009, f"{content.get('id')} is not a valid whatsapp business account media attachment ID")
        return _within("caption", content.get("caption", ""), _CAPTION, empty=True)
    if kind == "template":
        return _template(content)
    if kind == "interactive":
        return _interactive(content)
    if kind == "reaction":
        return str(content.get("emoji", ""))
    raise refusal(100, f"Param type must be one of {{TEXT, IMAGE, …}} - got {kind!r}")


def _interactive(content: Json) -> str:
    action: Any = content.get("action", {})
    body: Any = content.get("body", {})
    if content.get("type") == "button":
        text = _within("body.text", body.get("text"), _BODY)
        buttons = [one["reply"] for one in action.get("buttons", []) if one.get("type") == "reply"]
        if not 1 <= len(buttons) <= 3:
            raise refusal(131009, "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3")
        _unique(buttons, _TITLE, _ID)
        return text
    if content.get("type") == "list":
        text = _within("body.text", body.get("text"), LONGEST)
        _within("action.button", action.get("button"), _TITLE)
        rows = [row for section in action.get("sections", []) for row in section.get("rows", [])]
        if not 1 <= len(rows) <= _ROWS:
            raise refusal(131009, "Total row count exceed max allowed count: 10")
        _unique(rows, _ROW_TITLE, _ROW_ID)
        return text
    if content.get("type") == "cta_url":
        parameters = action.get("parameters", {})
        _within("display_text", parameters.get("display_text"), _TITLE)
        if not str(parameters.get("url", "")).startswith(("http://", "https://")):
            raise refusal(131009, "Invalid URL")
        return _within("body.text", body.get("text"), _BODY)
    raise refusal(131009, "Unknown interactive type")


def _template(content: Json) -> str:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/template-messages"""
    name, language = str(content.get("name")), str(content.get("language", {}).get("code"))
    template = TEMPLATES.get((name, language))
    if template is None:
        raise refusal(132001, f"template name ({name}) does not exist in {language}", 404)
    if template.refused:
        raise refusal(template.refused, "The template cannot be sent")
    parts: list[Json] = content.get("components", [])
    texts = []
    for kind, expected in (("header", template.header), ("body", template.body)):
        given = [one for part in parts if part.get("type") == kind for one in part.get("parameters", [])]
        if len(given) != len(expected):
            words = f"{kind}: number of localizable_params ({len(given)}) does not match the expected number of params"
            raise refusal(132000, f"{words} ({len(expected)})")
        if [one.get("parameter_name", "") for one in given] != list(expected):
            raise refusal(132012, f"{kind}: Parameter name is missing or is not expected")
        texts += [_parameter(one) for one in given]
    _template_buttons([part for part in parts if part.get("type") == "button"], template.buttons)
    return f"[{name}] {' '.join(texts)}".rstrip()


def _parameter(given: Json) -> str:
    text = _within("parameter", given.get("text"), 1024)
    if "\n" in text or "\t" in text or "     " in text:
        raise refusal(132018, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
    return text


def _template_buttons(given: list[Json], expected: Sequence[str]) -> None:
    for number, part in enumerate(given):
        if number >= len(expected) or part.get("sub_type") != expected[number] or part.get("index") != str(number):
            raise refusal(132000, "buttons: the template has other buttons")
        [parameter] = part["parameters"]
        _within("button.payload", parameter.get("payload") or parameter.get("text"), 128)


def _unique(items: list[Json], title: int, id: int) -> None:
    for item in items:
        _within("title", item.get("title"), title)
        _within("id", item.get("id"), id)
    if len({item["id"] for item in items}) < len(items):
        raise refusal(131009, "Duplicated id")


def _within(name: str, text: object, most: int, *, empty: bool = False) -> str:
    if not isinstance(text, str) or (not text and not empty):
        raise refusal(100, f"The parameter {name} is required.")
    if len(text) > most:
        raise refusal(100, f"Param {name} must be at most {most} characters long.")
    return text
