"""Buttons and menus where a platform has none: numbered words, of which a person answers with the number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from answerback.events import Action
from answerback.outgoing import Button, Select

MOST = 20
"""Choices of one message."""
LONGEST = 600
"""Characters of all choices of one message."""


class Choice(NamedTuple):
    """One of them."""

    label: str
    action: Action


def choices(actions: Sequence[Button | Select]) -> Iterator[Choice]:
    """Yield what can be chosen. A button that opens a URL is not one."""
    for each in actions:
        if isinstance(each, Select):
            for label, value in each.options:
                yield Choice(label, Action(type="select", name=each.name, value=value or label))
        elif not each.url:
            yield Choice(each.label, Action(type="button", name=each.name or each.label, value=each.value))


def in_words(actions: Sequence[Button | Select]) -> str:
    """Return the text below a message: the numbered choices, and the URLs."""
    found = list(choices(actions))
    lines = [f"{number}. {choice.label}" for number, choice in enumerate(found, 1)]
    if lines:
        lines.append("Reply with the number." if len(lines) > 1 else "Reply 1.")
    lines += [f"{each.label}: {each.url}" for each in actions if isinstance(each, Button) and each.url]
    return "\n".join(lines)


def number_of(text: str) -> int:
    """Return the number that a message consists of, such as "2" or "2."; 0 if it says anything else."""
    word = text.strip().removesuffix(".").removesuffix(")")
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 2 else 0


def problem(actions: Sequence[Button | Select]) -> str:
    """Return why these are too many for one message, in a sentence for the agent's author; "" if they are not."""
    count = len(list(choices(actions)))
    if count > MOST:
        return f"people choose by number there, among {MOST} at most, not {count}: ask in steps"
    if (length := len(in_words(actions))) > LONGEST:
        return f"all choices of a message may have {LONGEST} characters there, not {length}: use shorter labels"
    return ""
