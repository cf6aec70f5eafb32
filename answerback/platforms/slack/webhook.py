"""Parse Slack's webhooks."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.errors import MalformedBody
from answerback.events import Amendment, Event
from answerback.messages import Attachment, Author, AuthorKind
from answerback.platforms import Answer, Delivery, Ignored, Parsed
from answerback.platforms.decoding import decode
from answerback.platforms.slack.attachments import attached_files, file_id
from answerback.platforms.slack.chats import conversation
from answerback.platforms.slack.interactions import parse_form
from answerback.platforms.slack.metadata import key_of
from answerback.platforms.slack.notices import parse_notice
from answerback.platforms.slack.payload import BotProfile, Envelope, Message, Peek, milliseconds, printable
from answerback.platforms.slack.visible import Visible, visible
from answerback.replies import PREPARED

_EDIT_DELAY = 60_000
"""ms within which Slack delivers an edit."""

# Subtypes of messages that someone wrote: https://docs.slack.dev/reference/events/message#subtypes
_WRITTEN = {None, "", "bot_message", "file_share", "me_message", "thread_broadcast"}

_envelope = msgspec.json.Decoder(Envelope)
_peek = msgspec.json.Decoder(Peek)
_message = msgspec.json.Decoder(Message)
_DOCUMENTED = "Slack documents"


def parse(delivery: Delivery) -> Parsed:
    """Parse a verified body.

    Thread ids: "slack:<team>:<channel>:<thread_ts, or ts>", of the workspace where our app is installed, which is also
    the account. A slash command has its `trigger_id` in place of a `ts`.
    Delivery ids: "slack:<team>:<channel>:<ts>", so that the `message` and the `app_mention` of one message are one
    event; of kind "message", whichever comes first. An edit adds the time of the edit, a deletion "deleted".
    Address: team, channel, thread_ts (not of a command), response_url (of interactions).
    Identities: "user:<id>", "bot:<id>", "app:<id>" of the author.
    """
    headers, body = delivery.headers, delivery.body
    if headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return parse_form(delivery)
    envelope = decode(_envelope, body, _DOCUMENTED)
    if envelope.type == "url_verification":
        # https://docs.slack.dev/reference/events/url_verification
        return Answer((envelope.challenge or "").encode(), "text/plain")
    if envelope.type == "app_rate_limited":
        # https://docs.slack.dev/reference/events/app_rate_limited
        reason = "Slack drops events of this workspace for a minute: it had more than 30,000 within an hour"
        return Ignored(reason, warning="events dropped")
    if envelope.type != "event_callback":
        return Ignored(f"{printable(envelope.type)} is not an event")
    peek = decode(_peek, envelope.event, _DOCUMENTED)
    if peek.type not in ("message", "app_mention"):
        return parse_notice(peek.type, envelope)
    changed = peek.subtype in ("message_changed", "message_deleted")
    if peek.subtype not in _WRITTEN and not changed:
        return Ignored(f"{printable(peek.subtype or '')} messages are not written by anyone")
    event = decode(_message, envelope.event, _DOCUMENTED)
    # `event.team` comes last: it is the author's workspace.
    team = envelope.installation or event.team
    if not team:
        raise MalformedBody("the event has no team")
    if not event.channel:
        raise MalformedBody("the message has no channel")
    room = f"slack:{team}:{event.channel}"
    if changed:
        return _amendment(envelope, event, team, room)
    return _event(envelope, event, team, room, app_mention=peek.type == "app_mention")


def _event(envelope: Envelope, event: Message, team: str, room: str, *, app_mention: bool) -> Parsed:
    if not event.ts or not event.channel:
        raise MalformedBody("the message has no ts")
    content = _content(event)
    if not content.text.strip():
        return Ignored("a message without a text")
    root, files = event.thread_ts or event.ts, attached_files(event.files)
    is_direct = event.channel_type == "im" or (event.channel_type is None and event.channel.startswith("D"))
    profile = event.bot_profile or BotProfile()
    # `api_app_id` beside the event is our own app; only these fields name the app that wrote the message.
    app = event.app_id or profile.app_id
    named = (("user", event.user), ("bot", event.bot_id), ("app", app))
    return [
        Event(
            delivery=f"{room}:{event.ts}",
            thread=f"{room}:{root}",
            kind="message",
            text=content.text,
            author=Author(event.user or event.bot_id or "", event.username or profile.name or "", _kind(event)),
            message=event.ts,
            channel=event.channel,
            mentions=content.mentions,
            mentioned=_mentioned(envelope, event, content, app_mention=app_mention),
            direct=is_direct,
            identities=tuple(f"{what}:{which}" for what, which in named if which),
            address={"team": team, "channel": event.channel, "thread_ts": root},
            reply=key_of(event.metadata) or _prepared(files),
            at=milliseconds(event.ts),
            attachments=files,
            account=envelope.account,
            gesture=_gesture(envelope, event),
            conversation=conversation(team, event.channel) if is_direct and root == event.ts else None,
        )
    ]


def _prepared(files: Sequence[Attachment]) -> str:
    """Return by what a reply of ours is recognised that consists of files: it has no metadata."""
    id = file_id(files[0]) if files else ""
    return PREPARED + id if id else ""


def _gesture(envelope: Envelope, event: Message) -> str:
    """Return an id that is the same for two events of one message of a person.

    Slack was seen to deliver one message twice with two `ts`, but with the same `client_msg_id`; and a message of a
    channel that two workspaces share may come once for each in which our app is installed.
    """
    if event.client_msg_id:
        return f"slack:{event.channel}:{event.client_msg_id}"
    return f"slack:{event.channel}:{event.ts}" if envelope.is_ext_shared_channel else ""


def _content(message: Message) -> Visible:
    return visible(message.text or "", message.blocks, message.attachments, message.files)


def event_of(raw: msgspec.Raw, team: str, channel: str) -> Event | None:
    """Return a message that Slack lists as the event that its webhook is; None for what nobody wrote."""
    try:
        message = _message.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if not message.ts or message.subtype not in _WRITTEN:
        return None
    message.channel = channel
    parsed = _event(Envelope(), message, team, f"slack:{team}:{channel}", app_mention=False)
    return parsed[0] if isinstance(parsed, list) and isinstance(parsed[0], Event) else None


def _mentioned(envelope: Envelope, event: Message, content: Visible, *, app_mention: bool) -> bool:
    """Return whether this mentions the bot user of the installation that the delivery is for.

    `app_mention`: it is one, which only the mentioned app receives. The same message may also arrive as `message`, and
    first, so the text decides wherever it can.
    """
    ours = [each.user_id.lower() for each in envelope.authorizations or () if each.is_bot and each.user_id]
    text = (event.text or "").lower()
    if any(user in content.mentions for user in ours):
        return True
    if any(f"<@{user}" in text for user in ours):
        return False  # quoted
    # A delivery names only one of an app's installations, and its text may mention the bot user of another.
    # https://api.slack.com/changelog/2020-09-15-events-api-truncate-authed-users
    return app_mention and bool(content.mentions or "<@" not in text)


def _kind(event: Message) -> AuthorKind:
    """Return whether a program wrote this: https://docs.slack.dev/reference/events/message/bot_message.

    An app's bot, a workflow and an incoming webhook have a bot_id; Slack itself writes as USLACKBOT.
    """
    if event.bot_id or event.bot_profile or event.subtype == "bot_message" or event.user == "USLACKBOT":
        return "bot"
    return "app" if event.app_id else "person"


def _amendment(envelope: Envelope, event: Message, team: str, room: str) -> Parsed:
    old, new = event.previous_message, event.message
    content: Visible | None = None
    if event.subtype == "message_deleted":
        ts, root = event.deleted_ts or (old and old.ts), old and old.thread_ts
    elif new is None:
        raise MalformedBody("message_changed without its message")
    elif new.subtype not in _WRITTEN and new.subtype != "tombstone":
        return Ignored(f"{printable(new.subtype or '')} messages are not written by anyone")
    else:
        ts, root = new.ts, new.thread_ts
        # A deleted message with replies is changed into a tombstone.
        content = None if new.subtype == "tombstone" else _content(new)
        if old and content is not None and _content(old) == content:
            return Ignored("message_changed, but not its text")  # a link preview was added
    if not ts:
        raise MalformedBody(f"{event.subtype} without the ts of its message")
    when = "deleted"
    if content is not None:
        when = event.event_ts or event.ts or envelope.event_id or "edited"
    return [
        Amendment(
            delivery=f"{room}:{ts}:{when}",
            thread=f"{room}:{root or ts}",
            message=ts,
            text=None if content is None else content.text,
            mentions=content.mentions if content else (),
            mentioned=bool(content and new and _mentioned(envelope, new, content, app_mention=False)),
            event=_added_mention(envelope, event, old, new, content, team, room) if new and content else None,
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
    before = _content(old).mentions if old else ()
    added = tuple(user for user in content.mentions if user not in before)
    if not added or not content.text.strip():
        return None
    new = msgspec.structs.replace(new, channel=event.channel, channel_type=event.channel_type)
    parsed = _event(envelope, new, team, room, app_mention=False)
    original = parsed[0] if isinstance(parsed, list) else None
    if not isinstance(original, Event):
        return None
    named = content._replace(mentions=added)
    return msgspec.structs.replace(
        original,
        delivery=f"{original.delivery}:{','.join(sorted(added))}",
        mentions=added,
        mentioned=_mentioned(envelope, new, named, app_mention=False),
        direct=False,
        edited="mention",
        gesture="",
    )


def _just_edited(event: Message, new: Message) -> bool:
    if new.edited is None or new.edited.ts is None or event.event_ts is None:
        return False
    return abs(milliseconds(event.event_ts) - milliseconds(new.edited.ts)) < _EDIT_DELAY
