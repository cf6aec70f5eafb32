"""Parse edits and deletions of messages in Slack."""

from __future__ import annotations

import msgspec

from answerback.errors import MalformedBody
from answerback.events import Amendment, Event
from answerback.platforms import Ignored, Parsed
from answerback.platforms.slack.chats import conversation
from answerback.platforms.slack.messages import WRITTEN, content_of, is_mentioned, message_event
from answerback.platforms.slack.payload import Envelope, Message, milliseconds, printable
from answerback.platforms.slack.visible import Visible

_EDIT_DELAY = 60_000
"""ms within which Slack delivers an edit."""


def amendment(envelope: Envelope, event: Message, team: str, room: str) -> Parsed:
    """Return what a `message_changed` or `message_deleted` amends."""
    old, new = event.previous_message, event.message
    content: Visible | None = None
    if event.subtype == "message_deleted":
        ts, root = event.deleted_ts or (old and old.ts), old and old.thread_ts
    elif new is None:
        raise MalformedBody("message_changed without its message")
    elif new.subtype not in WRITTEN and new.subtype != "tombstone":
        return Ignored(f"{printable(new.subtype or '')} messages are not written by anyone")
    else:
        ts, root = new.ts, new.thread_ts
        # A deleted message with replies is changed into a tombstone.
        content = None if new.subtype == "tombstone" else content_of(new)
        if old and content is not None and content_of(old) == content:
            return Ignored("message_changed, but not its text")  # a link preview was added
    if not ts:
        raise MalformedBody(f"{event.subtype} without the ts of its message")
    when = "deleted"
    if content is not None:
        when = event.event_ts or event.ts or envelope.event_id or "edited"
    added = _added_mention(envelope, event, old, new, content, team, room) if new and content else None
    edited = _edited(envelope, event, new, team, room) if new and content and added is None else None
    return [
        Amendment(
            delivery=f"{room}:{ts}:{when}",
            thread=f"{room}:{root or ts}",
            message=ts,
            text=None if content is None else content.text,
            mentions=content.mentions if content else (),
            mentioned=bool(content and new and is_mentioned(envelope, new, content, app_mention=False)),
            event=added,
            edit=edited and msgspec.structs.replace(edited, delivery=f"{room}:{ts}:{when}"),
            at=milliseconds(event.event_ts or event.ts or "0"),
            conversation=conversation(team, event.channel or "") if _is_alone(event, ts, root or "") else None,
        )
    ]


def _is_alone(event: Message, ts: str, root: Message | str) -> bool:
    """Return whether a message of a direct chat belongs to no other message's thread."""
    return root in ("", ts) and (event.channel or "").startswith("D")


def _added_mention(
    envelope: Envelope, event: Message, old: Message | None, new: Message, content: Visible, team: str, room: str
) -> Event | None:
    """Return the event of an edit that added a mention: one event per added user.

    A delivery without the previous message, as in Slack's own example, may have added any of its mentions. A message
    that was edited long ago is still marked as edited when its preview or its file changes.
    """
    if old is None and not _just_edited(event, new):
        return None
    before = content_of(old).mentions if old else ()
    added = tuple(user for user in content.mentions if user not in before)
    if not added or not content.text.strip():
        return None
    original = _edited(envelope, event, new, team, room)
    if original is None:
        return None
    named = content._replace(mentions=added)
    return msgspec.structs.replace(
        original,
        delivery=f"{original.delivery}:{','.join(sorted(added))}",
        mentions=added,
        mentioned=is_mentioned(envelope, new, named, app_mention=False),
        direct=False,
        edited="mention",
        arrival="",
    )


def _edited(envelope: Envelope, event: Message, new: Message, team: str, room: str) -> Event | None:
    """Return an edited message as an event of its own, for agents that receive edits."""
    new = msgspec.structs.replace(new, channel=event.channel, channel_type=event.channel_type)
    parsed = message_event(envelope, new, team, room, app_mention=False)
    found = parsed[0] if isinstance(parsed, list) else None
    if not isinstance(found, Event):
        return None
    return msgspec.structs.replace(found, edited="text", arrival="queue", gesture="")


def _just_edited(event: Message, new: Message) -> bool:
    if new.edited is None or new.edited.ts is None or event.event_ts is None:
        return False
    return abs(milliseconds(event.event_ts) - milliseconds(new.edited.ts)) < _EDIT_DELAY
