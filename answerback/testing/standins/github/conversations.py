"""What people talk about on the stand-in's GitHub, and the reactions that they give."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from answerback.testing.standins.github import posts, subjects
from answerback.testing.standins.github.comments import Repository
from answerback.testing.standins.github.credentials import Actor
from answerback.testing.standins.github.subjects import State
from answerback.testing.standins.values import Json

SubjectKind = Literal["issue", "pull_request", "discussion"]

SOMEBODY = Actor("octocat", 583231)
"""The author of what is known only to the code under test, from a webhook."""


@dataclass
class Conversation:
    """An issue, a pull request or a discussion.

    `moved`: where it was transferred to; `patches`: file → the patch of a pull request.
    """

    kind: SubjectKind
    repository: Repository
    number: int
    title: str
    body: str
    author: Actor
    at: float
    state: State = subjects.OPEN
    deleted: bool = False
    moved: tuple[str, int] | None = None
    patches: dict[str, str] = field(default_factory=lambda: {posts.PATH: posts.HUNK})

    def json(self) -> Json:
        """Return it as its own page of the API shows it."""
        where = self.repository.full_name, self.repository.id, self.number, self.author.user()
        shown: dict[str, Any] = {"title": self.title, "body": self.body, "at": self.at, "state": self.state}
        if self.kind == "discussion":
            return subjects.discussion(*where, **shown)
        return subjects.issue(*where, **shown, pull_request=self.kind == "pull_request")

    def pull(self) -> Json:
        """Return the pull request."""
        where = self.repository.full_name, self.repository.id, self.number, self.author.user()
        found = subjects.pull_request(*where, title=self.title, body=self.body, at=self.at, state=self.state)
        return subjects.with_counts(found, self.state)


@dataclass
class Reaction:
    """A reaction to a text. `subject`: its node id; `content`: "eyes", "hooray", …"""

    id: int
    subject: str
    author: Actor
    content: str
    at: float
