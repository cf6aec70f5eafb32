"""The fields that we read from Slack's webhooks; everything else is skipped."""

from __future__ import annotations

from typing import Annotated

import msgspec

from answerback.platforms.decoding import Spare
from answerback.platforms.slack.metadata import Metadata

Code = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9]{1,64}\Z")]
Time = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,12}\.[0-9]{1,9}\Z")]
"""Seconds since 1970. The fraction makes it unique: it is the message's id within its channel."""

Gesture = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9-]{1,64}\Z")]

_NULL = msgspec.Raw(b"null")


class Authorization(msgspec.Struct):
    """The installation of our app that a delivery is for."""

    team_id: Spare[Code] = None
    enterprise_id: Spare[Code] = None
    user_id: Spare[str] = None
    is_bot: Spare[bool] = None
    is_enterprise_install: Spare[bool] = None


class Peek(msgspec.Struct):
    """The type of an event, read first: events that we do not handle may have any shape."""

    type: str = ""
    subtype: Spare[str] = None


class Envelope(msgspec.Struct):
    type: str = ""
    challenge: Spare[str] = None
    event_id: Spare[str] = None
    event_time: Spare[int] = None
    team_id: Spare[Code] = None
    context_team_id: Spare[Code] = None
    enterprise_id: Spare[Code] = None
    authorizations: Spare[list[Authorization]] = None
    is_ext_shared_channel: Spare[bool] = None
    event: msgspec.Raw = _NULL

    @property
    def account(self) -> str:
        """Our account that the delivery came through: the organization, if the app was installed for all of it."""
        first = self.authorizations[0] if self.authorizations else None
        whole = first and first.is_enterprise_install and first.enterprise_id
        return whole or self.installation

    @property
    def installation(self) -> str:
        """The workspace where our app is installed, or the organization for an organization-wide installation; "".

        In a shared channel, every other field that names a workspace may differ between two deliveries of one message:
        `app_mention` and `message` have different `team_id`s, and so do a guest's replies and ours.
        https://github.com/slackapi/bolt-python/blob/main/slack_bolt/request/internals.py (extract_team_id)
        """
        if self.authorizations:
            installation = self.authorizations[0]
            if team := installation.team_id or installation.enterprise_id:
                return team
        return self.team_id or self.context_team_id or self.enterprise_id or ""


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
    client_msg_id: Spare[Gesture] = None
    event_ts: Spare[Time] = None
    deleted_ts: Spare[Time] = None
    edited: Spare[Edited] = None
    message: Spare[Message] = None
    previous_message: Spare[Message] = None


class Item(msgspec.Struct):
    """What was reacted to."""

    type: Spare[str] = None
    channel: Spare[Code] = None
    ts: Spare[Time] = None


class Reacted(msgspec.Struct):
    """https://docs.slack.dev/reference/events/reaction_added"""

    type: str = ""
    user: Spare[Code] = None
    reaction: Spare[str] = None
    item: Spare[Item] = None
    event_ts: Spare[Time] = None


class SessionStopped(msgspec.Struct):
    """https://docs.slack.dev/reference/events/agent_session_stopped"""

    channel: Code
    thread_ts: Time
    user: Spare[Code] = None
    event_ts: Spare[Time] = None


class Revoked(msgspec.Struct):
    """The users whose tokens were revoked."""

    bot: Spare[list[str]] = None
    oauth: Spare[list[str]] = None


class TokensRevoked(msgspec.Struct):
    """https://docs.slack.dev/reference/events/tokens_revoked"""

    tokens: Spare[Revoked] = None


def milliseconds(ts: str) -> int:
    """Convert a `ts` to ms since 1970."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1000 + int(fraction[:3].ljust(3, "0"))


def printable(word: str) -> str:
    """Return a word of a payload for a log line."""
    return word[:60] if word and word.isascii() and word.isprintable() else "unnamed"
