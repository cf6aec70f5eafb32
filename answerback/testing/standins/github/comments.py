"""The comments of GitHub's stand-in, in the order in which they were made."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from answerback.testing.standins.github import payloads, posts
from answerback.testing.standins.github.credentials import Actor
from answerback.testing.standins.github.nodes import node_id
from answerback.testing.standins.github.webhooks import GitHub as Webhook
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.values import Json

Kind = Literal["issue", "review", "discussion"]


@dataclass(frozen=True)
class Repository:
    """A repository. `moved`: it was named by an old name."""

    full_name: str
    id: int
    moved: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """The lines of a diff that a comment is about, and the review that it belongs to."""

    path: str = posts.PATH
    line: int = 4
    start: int | None = None
    side: str = "RIGHT"
    review: int | None = None


@dataclass
class Comment:
    """A comment. `parent`: the first comment of its thread; GitHub's threads are one level deep."""

    kind: Kind
    repository: Repository
    number: int
    id: int
    author: Actor
    body: str
    at: float
    parent: int | None = None
    line: Line = field(default_factory=Line)
    edited: float | None = None
    minimized: str = ""

    @property
    def node(self) -> str:
        """Its global node id."""
        return node_id({"issue": "IC", "review": "PRRC", "discussion": "DC"}[self.kind], self.repository.id, self.id)

    @property
    def thread(self) -> str:
        """The URL of its thread's page."""
        below = "" if self.parent is None else f"/{'r' if self.kind == 'review' else 'dc'}{self.parent}"
        return f"{self.repository.full_name}#{self.number}{below}"

    def json(self, counts: Mapping[str, int] | None = None) -> Json:
        """Return it as REST and webhooks show it. `counts`: its reactions."""
        where = self.repository.full_name, self.repository.id, self.number, self.id, self.author.user(), self.body
        at, updated = self.at, self.edited
        match self.kind:
            case "issue":
                return posts.issue_comment(*where, via=self.author.via(), at=at, updated=updated, counts=counts)
            case "review":
                return posts.review_comment(
                    *where, reply_to=self.parent, review=self.line.review, path=self.line.path, line=self.line.line,
                    start=self.line.start, side=self.line.side, at=at, updated=updated, counts=counts,
                )  # fmt: skip
            case "discussion":
                return posts.discussion_comment(*where, parent=self.parent, at=at, updated=updated, counts=counts)

    def webhook(
        self, secret: str, action: str = "created", *, by: Actor | None = None, before: str = "", title: str = ""
    ) -> Delivery:
        """Return the webhook that GitHub sends about it. `by`: who edited or deleted it."""
        hook = webhook_of(by or self.author, self.repository, secret)
        where: dict[str, Any] = {"number": self.number, "comment": self.id}
        match self.kind:
            case "issue":
                return hook.issue_comment(self.body, **where, action=action, before=before, at=self.at)
            case "review":
                return hook.review_comment(
                    self.body, **where, reply_to=self.parent, review=self.line.review, path=self.line.path,
                    line=self.line.line, start=self.line.start, action=action, before=before, at=self.at,
                )  # fmt: skip
            case "discussion":
                return hook.discussion_comment(
                    self.body, **where, parent=self.parent, action=action, before=before, at=self.at
                )


def webhook_of(actor: Actor, repository: Repository, secret: str) -> Webhook:
    """Return what makes the webhooks of an account's actions in a repository."""
    return Webhook(
        repo=repository.full_name,
        repo_id=repository.id,
        login=actor.login,
        user_id=actor.id,
        user_type=actor.type,
        app_id=actor.app,
        installation=actor.installation,
        secret=secret,
    )


class Comments:
    """All comments, and the repositories they are in."""

    def __init__(self, repositories: list[str]) -> None:
        self._known = repositories
        self.reset()

    def reset(self) -> None:
        """Delete all comments."""
        self._all: list[Comment] = []
        self._last = 2_000_000_000
        self._names: dict[int, str] = {}
        self._renamed: dict[str, int] = {}
        self._deleted: set[tuple[Kind, int, int]] = set()
        for full_name in self._known:
            self.repository(full_name)

    def repository(self, full_name: str) -> Repository:
        """Return a repository by its name; every name is accepted."""
        id = self._renamed.get(full_name.lower(), payloads.repository_id(full_name))
        name = self._names.setdefault(id, full_name)
        return Repository(name, id, moved=name.lower() != full_name.lower())

    def rename(self, old: str, new: str) -> Repository:
        """Rename a repository; its id stays."""
        found = self.repository(old)
        self._names[found.id] = new
        self._renamed[new.lower()] = found.id
        return self.repository(new)

    def repository_by_id(self, id: int) -> Repository:
        """Return a repository by its id; one that was never named has its id as name."""
        return Repository(self._names.get(id, f"repositories/{id}"), id)

    def next_id(self) -> int:
        """Return an id that no other object has."""
        self._last += 1
        return self._last

    def add(
        self, kind: Kind, repository: Repository, number: int, author: Actor, body: str,
        *, parent: int | None = None, id: int | None = None, at: float | None = None, line: Line | None = None,
    ) -> Comment:  # fmt: skip
        """Store a comment. `id` and `at` (in seconds) are given only for earlier comments."""
        identity = id or self.next_id()
        comment = Comment(kind, repository, number, identity, author, body, at or time.time(), parent, line or Line())
        self._all.append(comment)
        return comment

    def remove(self, comment: Comment) -> None:
        """Delete a comment."""
        self._all.remove(comment)
        self._deleted.add((comment.kind, comment.repository.id, comment.id))

    def is_deleted(self, kind: Kind, repository: int, id: int) -> bool:
        """Return whether a comment was deleted, which is not the same as unknown."""
        return (kind, repository, id) in self._deleted

    def all(self) -> Iterator[Comment]:
        """Return all comments, oldest first."""
        yield from self._all

    def within(self, kind: Kind, repository: Repository, number: int) -> Iterator[Comment]:
        """Return the comments of a conversation, oldest first."""
        for comment in self._all:
            if comment.kind == kind and comment.repository.id == repository.id and comment.number == number:
                yield comment

    def find(self, kind: Kind, repository: int, id: int) -> Comment | None:
        """One comment."""
        for comment in self._all:
            if comment.kind == kind and comment.repository.id == repository and comment.id == id:
                return comment
        return None


def hidden_key(text: str) -> str:
    """Return the last word of a text's last HTML comment, in which a client can hide a key; "" without one."""
    found = re.findall(r"<!--\s*(.*?)\s*-->", text, re.DOTALL)
    return re.split(r"[\s:=]", str(found[-1]))[-1] if found else ""
