"""Real deliveries of the platforms, by name, as the events that agents are given."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import msgspec

from answerback.events import Event
from answerback.messages import Author
from answerback.platforms import Answer, Answered, Delivery, Ignored, Inbound
from answerback.platforms.registry import PLATFORMS
from answerback.platforms.written_down import body_of
from answerback.raw_body import with_raw


def event(name: str, **changes: Any) -> Event:
    """Return the event of a real delivery. Each call is a new delivery; sent twice, an event is a redelivery.

    Args:
        name: "<platform>/<event>", such as "github/issue_comment.created": `event_names` has all.
        changes: Fields of the event to replace. `author` may be a name. `raw`, which agents declared with `raw=True`
            are given, stays as it was delivered.

    Raises:
        ValueError: There is no such delivery, or it contains no event: the reason is given.

    Example:
        opened = event("github/issues.opened", text="It crashes on tabs.", author="ada")
    """
    platform, _, delivery = name.partition("/")
    if name not in event_names():
        raise ValueError(f'no delivery "{name}". There are: {", ".join(event_names())}')
    payload = json.loads((_deliveries() / platform / f"{delivery}.json").read_bytes())
    headers = {header.lower(): value for header, value in payload["headers"].items()}
    body = body_of(headers, payload["body"])
    parsed = PLATFORMS[platform].parse(Delivery(headers, body))
    if isinstance(parsed, Answered):
        parsed = parsed.events
    found = _event(name, with_raw(parsed, body) if isinstance(parsed, list) else parsed)
    if isinstance(author := changes.get("author"), str):
        changes["author"] = Author(author, name=author)
    return msgspec.structs.replace(found, **{"delivery": f"{platform}:{secrets.token_hex(8)}", **changes})


def event_names() -> list[str]:
    """Return the names of all deliveries, sorted. Those with more than one "." after the event are special cases."""
    return sorted(
        f"{platform.name}/{file.name.removesuffix('.json')}"
        for platform in _deliveries().iterdir()
        if platform.is_dir()
        for file in platform.iterdir()
        if file.name.endswith(".json")
    )


def _deliveries() -> Traversable:
    return files("answerback.testing") / "deliveries"


def _event(name: str, parsed: Answer | Ignored | Sequence[Inbound]) -> Event:
    if isinstance(parsed, Ignored):
        raise ValueError(f'"{name}" contains no event: {parsed.reason}')
    if isinstance(parsed, Answer):
        raise ValueError(f'"{name}" contains no event: the platform verifies the address of the webhook')
    for each in parsed:
        if isinstance(each, Event):
            return each
    raise ValueError(f'"{name}" contains no event: it is an edit or a deletion, which changes a waiting event')
