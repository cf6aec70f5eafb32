"""What an edit or a deletion does to events: the same in the store and in a thread in memory."""

from __future__ import annotations

import msgspec

from answerback.events import Amendment, Entry, Event
from answerback.messages import Message

DELETED = "(This message was deleted.)"


def edited_entry(entry: Entry, edit: Amendment) -> Entry:
    """Return a waiting entry whose message was edited."""
    event = msgspec.structs.replace(entry.event, text=edit.text or "", mentions=edit.mentions, mentioned=edit.mentioned)
    return msgspec.structs.replace(entry, event=event)


def with_edit(event: Event, edit: Amendment) -> Event:
    """Return an event with an edit that arrived before it."""
    return msgspec.structs.replace(
        event,
        text=edit.text or "",
        mentions=edit.mentions,
        mentioned=edit.mentioned,
        edited="earlier" if edit.event else event.edited,
    )


def edited_message(message: Message, edit: Amendment) -> Message:
    """Return a person's message of the history as it is now. Of a deleted one nothing is left but its place."""
    if edit.text is not None:
        return msgspec.structs.replace(message, text=edit.text)
    return msgspec.structs.replace(message, text=DELETED, attachments=(), order=(), input_json=b"")


def changes_history(message: Message, edit: Amendment) -> bool:
    """Return whether an edit or a deletion is about a message of the history. An edit that is an event changes none."""
    about = message.role == "user" and message.message == edit.message != ""
    return about and (edit.text is None or not (edit.event or edit.edit))


def event_of_older_edit(event: Event | None, later: Amendment) -> Event | None:
    """Return the event of an edit that arrived after a later one: with the later text, if that still mentions us."""
    if event is None or not (mentions := tuple(name for name in event.mentions if name in later.mentions)):
        return None
    mentioned = event.mentioned and later.mentioned
    return msgspec.structs.replace(event, text=later.text or "", mentions=mentions, mentioned=mentioned)
