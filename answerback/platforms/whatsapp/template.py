"""The template that carries a reply when a user has not written for 24 hours.

https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

from answerback import outgoing
from answerback.errors import Rejected
from answerback.outgoing import Button, Select
from answerback.platforms.whatsapp.buttons import id_of

LONGEST = 900
"""Characters of a variable's value. The whole body has at most 1,024, with the template's own words."""


class Template(NamedTuple):
    """An approved template whose body has one variable, for the text of the reply."""

    name: str
    language: str

    @classmethod
    def of(cls, setting: str) -> Self | None:
        """Return the template that "name/language" names; None for ""."""
        name, _, language = setting.partition("/")
        return cls(name, language) if name else None

    def fits(self, text: str) -> bool:
        """Return whether it can carry this text."""
        return len(_line(text)) <= LONGEST

    def message(self, text: str) -> dict[str, object]:
        """Return the content of a message. A variable takes one line: paragraphs are separated by dashes.

        Raises `Rejected` for a text that does not fit.
        """
        line = _line(text)
        if len(line) > LONGEST:
            raise Rejected(
                f"the user has not written for 24 hours, and the reply of {len(line)} characters does not fit into "
                f"the template {self.name}, which takes {LONGEST}: replay it once the user has written again"
            )
        value = [{"type": "text", "text": line}]
        return {
            "name": self.name,
            "language": {"code": self.language},
            "components": [{"type": "body", "parameters": value}],
        }


_NAME, _LANGUAGE = re.compile(r"[a-z0-9_]{1,512}", re.ASCII), re.compile(r"[a-z]{2,3}(?:_[A-Z]{2})?", re.ASCII)
_BUTTONS, _PAYLOAD = 10, 128


def problem(template: outgoing.Template, actions: Sequence[Button | Select], key: str) -> str:
    """Return why WhatsApp would refuse a template, in a sentence for the agent's author; "" if that is not known."""
    return next(_problems(template, actions, key), "")


def filled(template: outgoing.Template, actions: Sequence[Button | Select], key: str) -> dict[str, object]:
    """Return the content of a message that is an agent's own template. Its buttons bring back what `actions` say."""
    positional = all(name.isdecimal() for name in template.values)
    names = sorted(template.values, key=int) if positional else list(template.values)
    body = [_text(template.values[name]) | ({} if positional else {"parameter_name": name}) for name in names]
    header = [_text(template.header)] if template.header else []
    parts = [{"type": kind, "parameters": each} for kind, each in (("header", header), ("body", body)) if each]
    for index, action in enumerate(actions):
        if isinstance(action, Button):
            quick = {"type": "payload", "payload": id_of(key, action.name, action.value)}
            parts.append(
                {
                    "type": "button",
                    "sub_type": "url" if action.url else "quick_reply",
                    "index": str(index),
                    "parameters": [_text(action.url) if action.url else quick],
                }
            )
    shown: dict[str, object] = {"name": template.name, "language": {"code": template.language}}
    return shown | ({"components": parts} if parts else {})


def _problems(template: outgoing.Template, actions: Sequence[Button | Select], key: str) -> Iterator[str]:
    if not _NAME.fullmatch(template.name):
        yield f"a template of WhatsApp has a name of lower-case letters, digits and _, not {template.name[:80]!r}"
    if not _LANGUAGE.fullmatch(template.language):
        yield f'a template of WhatsApp needs its language, such as "en_US", not {template.language[:80]!r}'
    for name, value in (*template.values.items(), *((("header", template.header),) if template.header else ())):
        if not _line(value):
            yield f"the variable {name!r} of the template {template.name} is empty, which WhatsApp refuses"
        if len(_line(value)) > LONGEST:
            yield f"the variable {name!r} of the template {template.name} has more than {LONGEST} characters"
    if any(isinstance(each, Select) for each in actions):
        yield "a template of WhatsApp has buttons, and no menu"
    if len(actions) > _BUTTONS:
        yield f"a template of WhatsApp has at most {_BUTTONS} buttons"
    for each in actions:
        if isinstance(each, Button) and not each.url and len(id_of(key, each.name, each.value)) > _PAYLOAD:
            yield f"the name and the value of the button {each.label!r} are too long for a template of WhatsApp"


def _text(value: str) -> dict[str, object]:
    return {"type": "text", "text": _line(value)}


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\s*\n\s*", " – ", text.strip()))
