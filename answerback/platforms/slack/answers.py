"""What Slack's Web API answers."""

from __future__ import annotations

import msgspec

from answerback.platforms import Response
from answerback.platforms.answer import read
from answerback.platforms.decoding import Spare
from answerback.platforms.slack.metadata import Metadata


class Whoami(msgspec.Struct):
    """Of auth.test."""

    user_id: str
    user: Spare[str] = None
    team: Spare[str] = None
    bot_id: Spare[str] = None
    app_id: Spare[str] = None


class Message(msgspec.Struct):
    """A message of a thread."""

    ts: str = ""
    user: Spare[str] = None
    bot_id: Spare[str] = None
    app_id: Spare[str] = None
    metadata: Spare[Metadata] = None

    @property
    def identities(self) -> tuple[str, ...]:
        """The marks of its author, as in events."""
        named = (("user", self.user), ("bot", self.bot_id), ("app", self.app_id))
        return tuple(f"{what}:{which}" for what, which in named if which)


class _Cursor(msgspec.Struct):
    next_cursor: str | None = None


class Replies(msgspec.Struct):
    """Of conversations.replies."""

    messages: list[Message] = []
    has_more: bool = False
    response_metadata: _Cursor | None = None

    @property
    def cursor(self) -> str:
        """Where the next page begins; "" if there is none."""
        return (self.response_metadata.next_cursor if self.response_metadata else None) or ""


class _Posted(msgspec.Struct):
    ts: str


whoami = msgspec.json.Decoder(Whoami)
replies = msgspec.json.Decoder(Replies)
_posted = msgspec.json.Decoder(_Posted)


def ts_of(response: Response) -> str:
    """Return the id of the message that a request has created."""
    return read(response, _posted, "Slack", unknown=True).ts
