"""Parse what was written in Slack: an event of a message, from a webhook or from a list of messages."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.errors import MalformedBody
from answerback.events import Event
from answerback.messages import Attachment, Author, AuthorKind
from answerback.platforms import Ignored, Parsed
from answerback.platforms.slack.attachments import attached_files, file_id
from answerback.platforms.slack.chats import conversation
from answerback.platforms.slack.metadata import key_of
from answerback.platforms.slack.payload import BotProfile, Envelope, Message, milliseconds
from answerback.platforms.slack.visible import Visible, visible
from answerback.replies import PREPARED

WRITTEN = frozenset({None, "", "bot_message", "file_share", "me_message", "thread_broadcast"})
"""Subtypes of messages that someone wrote: https://docs.slack.dev/reference/events/message#subtypes"""

_message = msgspec.json.Decoder(Message)


def message_event(envelope: Envelope, event: Message, team: str, room: str, *, app_mention: bool) -> Parsed:
    """Return the event of a message. `app_mention`: it came as one, which only the mentioned app receives."""
    if not event.ts or not event.channel:
        raise MalformedBody("the message has no ts")
    content = content_of(event)
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
            mentioned=is_mentioned(envelope, event, content, app_mention=app_mention),
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


def content_of(message: Message) -> Visible:
    """Return the visible text of a message."""
    return visible(message.text or "", message.blocks, message.attachments, message.files)


def event_of(raw: msgspec.Raw, team: str, channel: str, *, account: str = "") -> Event | None:
    """Return a message that Slack lists as the event that its webhook is; None for what no person or app wrote.

    `account`: the workspace whose token has read it.
    """
    try:
        message = _message.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if not message.ts or message.subtype not in WRITTEN:
        return None
    message.channel = channel
    parsed = message_event(Envelope(team_id=account), message, team, f"slack:{team}:{channel}", app_mention=False)
    return parsed[0] if isinstance(parsed, list) and isinstance(parsed[0], Event) else None


def is_mentioned(envelope: Envelope, event: Message, content: Visible, *, app_mention: bool) -> bool:
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
