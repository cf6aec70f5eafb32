"""The comments of GitHub's stand-in, in the order in which they were made."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from answerback.testing.standins.github import payloads
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


@dataclass(frozen=True)
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

    @property
    def node(self) -> str:
        """Its global node id."""
        return node_id({"issue": "IC", "review": "PRRC", "discussion": "DC"}[self.kind], self.repository.id, self.id)

    @property
    def thread(self) -> str:
        """The URL of its thread's page."""
        below = "" if self.parent is None else f"/{'r' if self.kind == 'review' else 'dc'}{self.parent}"
        return f"{self.repository.full_name}#{self.number}{below}"

    def json(self) -> Json:
        """Return it as REST and webhooks show it."""
        where = self.repository.full_name, self.repository.id, self.number, self.id, self.author.user(), self.body
        match self.kind:
            case "issue":
                return payloads.issue_comment(*where, via=self.author.via(), at=self.at)
            case "review":
                return payloads.review_comment(*where, reply_to=self.parent, at=self.at)
            case "discussion":
                return payloads.discussion_comment(*where, parent=self.parent, at=self.at)

    def webhook(self, secret: str) -> Delivery:
        """Return the webhook that GitHub sends about it."""
        author = self.author
        by = Webhook(
            repo=self.repository.full_name,
            repo_id=self.repository.id,
            login=author.login,
            user_id=author.id,
            user_type=author.type,
            app_id=author.app,
            installation=author.installation,
            secret=secret,
        )
        match self.kind:
            case "issue":
                return by.issue_comment(self.body, number=self.number, comment=self.id, at=self.at)
            case "review":
                return by.review_comment(
                    self.body, number=self.number, comment=self.id, reply_to=self.parent, at=self.at
                )
            case "discussion":
                return by.discussion_comment(
                    self.body, number=self.number, comment=self.id, parent=self.parent, at=self.at
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

    def add(
        self, kind: Kind, repository: Repository, number: int, author: Actor, body: str,
        *, parent: int | None = None, id: int | None = None, at: float | None = None,
    ) -> Comment:  # fmt: skip
        """Store a comment. `id` and `at` (in seconds) are given only for earlier comments."""
        self._last += 1
        comment = Comment(kind, repository, number, id or self._last, author, body, at or time.time(), parent)
        self._all.append(comment)
        return comment

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
