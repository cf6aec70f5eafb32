"""What an event is about, in words for a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from answerback.messages import Event, Message, Subject

_TAGS = ("<about>", "</about>")


def about(events: Sequence[Event], history: Sequence[Message]) -> Iterable[str]:
    """What the events are about, each subject once, and only what the history does not hold already."""
    for subject in dict.fromkeys(event.subject for event in events if event.subject is not None):
        words = describe(_unsaid(subject, history))
        recorded = msgspec.json.encode(words)[1:-1]
        if words and not any(recorded in message.model for message in history):
            yield words


def _unsaid(subject: Subject, history: Sequence[Message]) -> Subject:
    """Without the body that began this conversation, as the text of its first message."""
    body = subject.body.removesuffix("…")
    said = bool(body) and any(body in message.text for message in history)
    return msgspec.structs.replace(subject, body="") if said else subject


def describe(subject: Subject) -> str:
    """A subject between tags; "" for one that says nothing."""
    what = subject.kind.replace("_", " ")
    by = f" (opened by {subject.author})" if subject.author else ""
    title = f"{what.capitalize()}: {subject.title}{by}" if subject.title else ""
    text = "\n\n".join(filter(None, (title, subject.body.strip(), _place(subject))))
    for tag in _TAGS:  # strangers wrote it: nothing in it may pass for what stands around it
        text = text.replace(tag, "")
    return f"{_TAGS[0]}\n{text}\n{_TAGS[1]}" if text else ""


def _place(subject: Subject) -> str:
    if not subject.path:
        return ""
    lines = f", lines {subject.start} to {subject.line}" if subject.start else f", line {subject.line}"
    place = f"File: {subject.path}{lines if subject.line else ''}"
    return f"{place}\n{subject.diff}" if subject.diff else place
