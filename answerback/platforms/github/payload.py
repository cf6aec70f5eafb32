"""The fields that we read from GitHub's webhooks; everything else is skipped.

https://docs.github.com/en/webhooks/webhook-events-and-payloads, and its schemas in @octokit/openapi-webhooks
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from answerback.platforms.decoding import Spare

Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Time = Annotated[datetime, msgspec.Meta(tz=True)]
_NULL = msgspec.Raw(b"null")


def milliseconds(time: str | None) -> int:
    """Return a time in ms since 1970; 0 if there is none, or none that can be read."""
    try:
        return int(msgspec.convert(time, datetime).timestamp() * 1000)
    except (msgspec.ValidationError, ValueError, OverflowError):
        return 0


class User(msgspec.Struct):
    id: Id
    login: Spare[str] = None
    type: Spare[str] = None

    @property
    def name(self) -> str:
        """The login; for a deleted account the one that GitHub shows, "ghost"."""
        return self.login or "ghost"


class App(msgspec.Struct):
    id: Id


class Installation(msgspec.Struct):
    id: Id


class Repository(msgspec.Struct):
    id: Id
    full_name: Annotated[str, msgspec.Meta(pattern=r"\A[\w.-]+/[\w.-]+\Z")]


class About(msgspec.Struct, kw_only=True):
    """The subject: an issue, a pull request or a discussion. `number` is 0 if it is missing."""

    number: Id = 0
    node_id: Spare[str] = None
    title: Spare[str] = None
    body: Spare[str] = None
    user: Spare[User] = None
    pull_request: msgspec.Raw = _NULL

    @property
    def is_pull_request(self) -> bool:
        """Whether an issue is a pull request, as the issues API shows it."""
        return bytes(self.pull_request) != b"null"


class Post(About, kw_only=True):
    """A post: an issue, a pull request, a discussion, a review or a comment."""

    id: Id
    body: str | None = None
    html_url: Spare[str] = None
    performed_via_github_app: Spare[App] = None
    created_at: Spare[Time] = None
    submitted_at: Spare[Time] = None
    updated_at: Spare[str] = None
    in_reply_to_id: Id | None = None
    parent_id: Id | None = None
    path: Spare[str] = None
    start_line: Spare[Id] = None
    line: Spare[Id] = None
    original_start_line: Spare[Id] = None
    original_line: Spare[Id] = None
    diff_hunk: Spare[str] = None
    merged: Spare[bool] = None
    state: Spare[str] = None


class ActionOf(msgspec.Struct):
    """The action of a webhook whose other fields do not matter."""

    action: Spare[str] = None


class Payload(msgspec.Struct, kw_only=True):
    """A webhook's body without its subject and its post, which depend on the kind of event."""

    repository: Repository
    action: str = ""
    sender: Spare[User] = None
    installation: Spare[Installation] = None
    changes: Spare[dict[str, msgspec.Raw]] = None
    comment: msgspec.Raw = _NULL
    review: msgspec.Raw = _NULL

    @property
    def account(self) -> str:
        """The installation of our app that it came through, as in `Event.account`; "" without an app."""
        return str(self.installation.id) if self.installation else ""

    def has(self, part: str) -> bool:
        """Return whether the body has a comment or review that its kind of event does not have."""
        return bytes(getattr(self, part)) != b"null"


def payload(about: str, post: str) -> msgspec.json.Decoder[Payload]:
    """Return the decoder of a kind of event: `about` is the field of its subject, `post` that of its post.

    All of a body is decoded in one pass: to skip over a field and to decode it later takes twice the time.
    """
    fields = {about: About} | {post: Post}
    return msgspec.json.Decoder(msgspec.defstruct("Payload", list(fields.items()), bases=(Payload,), kw_only=True))
