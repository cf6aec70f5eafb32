"""Buttons and menus as blocks, and Slack's limits on them.

https://docs.slack.dev/reference/block-kit/blocks/actions-block and its elements
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from answerback.outgoing import SHOWN_OPTIONS, Button, Select
from answerback.platforms.slack.mrkdwn import escaped
from answerback.platforms.text import split
from answerback.replies import Reply

Json = dict[str, object]

FALLBACK = 3000
"""Characters of the text that notifications show instead of blocks."""
_SECTION = 3000
_ACTIONS = 25
OPTIONS = 2000
"""The most options of a menu: with more than are shown it is searched, and Slack does not know them."""
_LABEL, _VALUE, _NAME, _URL = 75, 2000, 255, 3000
_OPTION_VALUE, _PLACEHOLDER = 150, 150

_EMOJI = re.compile(r"[a-z0-9_+'-]{1,100}(?:::skin-tone-[2-6])?")
_ID = "answerback:"


def blocks(text: str, actions: Sequence[Button | Select], key: str, *, plain: bool = False) -> list[Json]:
    """Return a message as blocks. `plain`: without formatting."""
    if plain:
        sections = [section for section in split(escaped(text), _SECTION) if section.strip()]
        found: list[Json] = [{"type": "section", "text": {"type": "mrkdwn", "text": each}} for each in sections]
    else:
        # https://docs.slack.dev/reference/block-kit/blocks/markdown-block
        found = [{"type": "markdown", "text": text}]
    if actions:
        found.append({"type": "actions", "block_id": _ID + key, "elements": [_element(action) for action in actions]})
    return found


def fallback(text: str) -> str:
    """Return the text of a message for notifications."""
    return escaped(text[:FALLBACK])


def key_of_block(block_id: str) -> str:
    """Return the key of the reply whose button was pressed, or ""."""
    return block_id.removeprefix(_ID) if block_id.startswith(_ID) else ""


def check(reply: Reply) -> str:
    """Return why Slack would refuse what a reply has besides its text; "" if it would not."""
    content = reply.content
    if content is None:
        return ""
    if len(content.actions) > _ACTIONS:
        return f"Slack shows at most {_ACTIONS} buttons and menus below a message, not {len(content.actions)}"
    if reply.kind == "reaction" and not _EMOJI.fullmatch(content.reaction):
        return f'"{content.reaction}" is not Slack\'s name of an emoji, such as "eyes" or "white_check_mark"'
    return next((problem for action in content.actions for problem in _problems(action)), "")


def _problems(action: Button | Select) -> Iterator[str]:
    yield from longer(f"the name of {action.name[:80]!r}", action.name, _NAME)
    if isinstance(action, Button):
        yield from longer(f"the label of the button {action.label[:80]!r}", action.label, _LABEL)
        yield from longer(f"the value of the button {action.label!r}", action.value, _VALUE)
        yield from longer(f"the URL of the button {action.label!r}", action.url, _URL)
        return
    if len(action.options) > OPTIONS:
        yield f"a menu has at most {OPTIONS} options; {action.name!r} has {len(action.options)}"
    yield from longer(f"the placeholder of the menu {action.name!r}", action.placeholder, _PLACEHOLDER)
    for label, value in action.options:
        yield from longer(f"the option {label[:80]!r} of the menu {action.name!r}", label, _LABEL)
        yield from longer(f"the value of the option {label!r} of the menu {action.name!r}", value, _OPTION_VALUE)


def longer(what: str, text: str, most: int) -> Iterator[str]:
    """Yield what is wrong with a text that is longer than Slack accepts."""
    if len(text) > most:
        yield f"{what} has {len(text)} characters; Slack accepts {most}"


def _element(action: Button | Select) -> Json:
    if isinstance(action, Select):
        placeholder: Json = {"placeholder": plain_text(action.placeholder)} if action.placeholder else {}
        return {"action_id": action.name} | placeholder | menu(action.options)
    element: Json = {"type": "button", "action_id": action.name, "text": plain_text(action.label)}
    for name in ("value", "style", "url"):
        if value := getattr(action, name):
            element[name] = value
    return element


def menu(options: Sequence[tuple[str, str]], many: str = "") -> Json:
    """Return the type of a menu and its options: Slack asks for those of a long one when a person types.

    https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element#external_select
    """
    if len(options) > SHOWN_OPTIONS:
        return {"type": f"{many}external_select", "min_query_length": 0}
    return {"type": f"{many}static_select", "options": [option(label, value) for label, value in options]}


def option(label: str, value: str) -> Json:
    """Return an option of a menu."""
    return {"text": plain_text(label), "value": value or label}


def plain_text(text: str) -> Json:
    """Return a text of a block."""
    return {"type": "plain_text", "text": text, "emoji": True}
