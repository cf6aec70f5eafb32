"""The fields that we read from webhooks about what people do besides writing; everything else is skipped."""

from __future__ import annotations

import msgspec

from answerback.platforms.decoding import Spare
from answerback.platforms.github.payload import Id, Payload, Post, Repository, User


class Label(msgspec.Struct):
    name: str


class Team(msgspec.Struct):
    slug: str


class Numbered(msgspec.Struct):
    number: Id


class Moves(msgspec.Struct):
    """Where a transferred issue or discussion is now, or where it was."""

    new_issue: Spare[Numbered] = None
    new_discussion: Spare[Numbered] = None
    new_repository: Spare[Repository] = None
    old_issue: Spare[Numbered] = None
    old_repository: Spare[Repository] = None


class Done(Payload, kw_only=True):
    issue: Spare[Post] = None
    pull_request: Spare[Post] = None
    discussion: Spare[Post] = None
    assignee: Spare[User] = None
    requested_reviewer: Spare[User] = None
    requested_team: Spare[Team] = None
    label: Spare[Label] = None
    after: Spare[str] = None


class ThreadComment(msgspec.Struct):
    id: Id


class Thread(msgspec.Struct):
    comments: list[ThreadComment] = []


class ReviewThread(Done, kw_only=True):
    thread: Thread


class Run(msgspec.Struct):
    id: Id
    name: str
    head_sha: Spare[str] = None
    external_id: Spare[str] = None
    html_url: Spare[str] = None
    completed_at: Spare[str] = None
    pull_requests: Spare[list[Numbered]] = None


class Pressed(msgspec.Struct):
    identifier: str


class Check(Payload, kw_only=True):
    check_run: Run
    requested_action: Spare[Pressed] = None
