"""The fields that we read from Slack's webhooks; everything else is skipped."""

from __future__ import annotations

from typing import Annotated

import msgspec

from answerback.platforms.decoding import Spare
from answerback.platforms.slack.metadata import Metadata

Code = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9]{1,64}\Z")]
Time = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,12}\.[0-9]{1,9}\Z")]
"""Seconds since 1970. The fraction makes it unique: it is the message's id within its channel."""

_NULL = msgspec.Raw(b"null")


class Authorization(msgspec.Struct):
    """The installation of our app that a delivery is for."""

    team_id: Spare[Code] = None
    enterprise_id: Spare[Code] = None
    user_id: Spare[str] = None
    is_bot: Spare[bool] = None


class Peek(msgspec.Struct):
    """The type of an event, read first: events that we do not handle may have any shape."""

    type: str = ""
    subtype: Spare[str] = None


class Envelope(msgspec.Struct):
    type: str = ""
    challenge: Spare[str] = None
    event_id: Spare[str] = None
    team_id: Spare[Code] = None
    context_team_id: Spare[Code] = None
    enterprise_id: Spare[Code] = None
    authorizations: Spare[list[Authorization]] = None
    event: msgspec.Raw = _NULL


class BotProfile(msgspec.Struct):
    name: Spare[str] = None
    app_id: Spare[str] = None


class Edited(msgspec.Struct):
    """When a message was edited. An added link preview is not an edit."""

    ts: Spare[Time] = None


class Message(msgspec.Struct):
    """A `message` or `app_mention` event; also the messages inside a `message_changed` or `message_deleted`."""

    ts: Time | None = None
    thread_ts: Time | None = None
    channel: Code | None = None
    channel_type: Spare[str] = None
    subtype: Spare[str] = None
    text: str | None = None
    blocks: msgspec.Raw = _NULL
    attachments: msgspec.Raw = _NULL
    files: msgspec.Raw = _NULL
    team: Spare[Code] = None
    user: Spare[str] = None
    username: Spare[str] = None
    bot_id: Spare[str] = None
    app_id: Spare[str] = None
    bot_profile: Spare[BotProfile] = None
    metadata: Spare[Metadata] = None
    event_ts: Spare[Time] = None
    deleted_ts: Spare[Time] = None
    edited: Spare[Edited] = None
    message: Spare[Message] = None
    previous_message: Spare[Message] = None
