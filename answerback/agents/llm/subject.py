"""Describe the subject of an event (an issue, a pull request, a line of code) to a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from answerback.events import Event, Subject
from answerback.messages import Message

_TAGS = ("<about>", "</about>")


def about(events: Sequence[Event], history: Sequence[Message]) -> Iterable[str]:
    """Describe the subjects of the events, each once, without what the history already contains."""
    for subject in dict.fromkeys(event.subject for event in events if event.subject is not None):
        if subject.kind == "message":
            # Also if it is in the history: there may be many messages there.
            text, known = describe(subject), False
        else:
            text = describe(_without_known_body(subject, history))
            recorded = msgspec.json.encode(text)[1:-1]
            known = any(recorded in message.model for message in history)
        if text and not known:
            yield text


def _without_known_body(subject: Subject, history: Sequence[Message]) -> Subject:
    """Leave out a body that is in the history: it was the text of the thread's first message."""
    body = subject.body.removesuffix("…")
    in_history = bool(body) and any(body in message.text for message in history)
    return msgspec.structs.replace(subject, body="") if in_history else subject


def describe(subject: Subject) -> str:
    """Return a subject's description between tags; "" for an empty one."""
    kind = subject.kind.replace("_", " ")
    by = f" (opened by {subject.author})" if subject.author else ""
    title = f"{kind.capitalize()}: {subject.title}{by}" if subject.title else ""
    if subject.kind == "message" and subject.body:
        title = f"This answers a message{f' of {subject.author}' if subject.author else ''}:"
    text = "\n\n".join(filter(None, (title, subject.body.strip(), _place(subject))))
    for tag in _TAGS:  # untrusted text must not be able to close the tag
        text = text.replace(tag, "")
    return f"{_TAGS[0]}\n{text}\n{_TAGS[1]}" if text else ""


def _place(subject: Subject) -> str:
    if not subject.path:
        return ""
    lines = f", lines {subject.start} to {subject.line}" if subject.start else f", line {subject.line}"
    place = f"File: {subject.path}{lines if subject.line else ''}"
    return f"{place}\n{subject.diff}" if subject.diff else place
