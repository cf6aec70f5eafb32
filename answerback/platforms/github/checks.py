"""Check runs: the ids by which they are found again, and by which their buttons find their thread.

https://docs.github.com/en/rest/checks/runs
"""

from __future__ import annotations

import re

_EXTERNAL = re.compile(r"answerback:([\w.-]{1,120})@(\d{1,18}(?::review:\d{1,18})?)", re.ASCII)

LABEL, DESCRIPTION, IDENTIFIER, ACTIONS = 20, 40, 20, 3
"""Maximum lengths of a button's texts, in characters, and the most buttons of a check run."""


def external_id(key: str, thread: str) -> str:
    """Return the `external_id` of a check run: the reply's key, and the thread without its repository."""
    return f"answerback:{key}@{thread.split(':', 2)[2]}"


def parse_external_id(id: str) -> str:
    """Return the thread of an `external_id` without its repository; "" for one that is not ours."""
    match = _EXTERNAL.fullmatch(id)
    return match[2] if match else ""


def key_of(id: str) -> str:
    """Return the reply's key in an `external_id`; "" for one that is not ours."""
    match = _EXTERNAL.fullmatch(id)
    return match[1] if match else ""


def identifier(name: str, value: str) -> str:
    """Return what stands for a button: GitHub has a single short text for its name and its value."""
    return f"{name}={value}" if value else name


def parse_identifier(text: str) -> tuple[str, str]:
    """Return the name and the value of a button."""
    name, _, value = text.partition("=")
    return name, value
