"""GitHub's webhooks, built and signed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from answerback.testing.standins.github import payloads, posts, subjects
from answerback.testing.standins.github.changes import Changes
from answerback.testing.standins.github.hook import HOOK, OPENER
from answerback.testing.standins.signatures import Delivery

__all__ = ["HOOK", "GitHub"]

_numbers = itertools.count(1_700_000_001)


@dataclass(frozen=True, kw_only=True)
class GitHub(Changes):
    """A person on GitHub, in a repository. Each method returns the webhook of one thing that they do.

    `before`: the text before an edit.
    """

    def issue(
        self,
        text: str = "It does not work, @answerbot.",
        *,
        number: int = 7,
        title: str = "Widgets squeak",
        action: str = "opened",
        before: str = "",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`issues`: opened, edited or deleted."""
        found = subjects.issue(
            self.repo, self.repository, number, self.author, title=title, body=text, pull_request=False, at=at
        )
        return self.event("issues", action, delivery, was=before, issue=found)

    def pull_request(
        self,
        text: str = "Please look at this, @answerbot.",
        *,
        number: int = 8,
        title: str = "Oil the widgets",
        action: str = "opened",
        before: str = "",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`pull_request`: opened or edited."""
        found = subjects.pull_request(self.repo, self.repository, number, self.author, title=title, body=text, at=at)
        pull = subjects.with_counts(found, subjects.OPEN)
        return self.event("pull_request", action, delivery, was=before, number=number, pull_request=pull)

    def issue_comment(
        self,
        text: str = "Hello, @answerbot",
        *,
        number: int = 7,
        comment: int | None = None,
        title: str = "Widgets squeak",
        pull_request: bool = False,
        action: str = "created",
        before: str = "",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`issue_comment`: on an issue, or (`pull_request`) in a pull request's conversation."""
        about = subjects.issue(
            self.repo, self.repository, number, OPENER, title=title, body="", pull_request=pull_request, at=at
        )
        said = posts.issue_comment(
            self.repo,
            self.repository,
            number,
            comment or next(_numbers),
            self.author,
            text,
            via=None if self.app_id is None else payloads.app(self.app_id, self.login.removesuffix("[bot]")),
            pull_request=pull_request,
            at=at,
        )
        return self.event("issue_comment", action, delivery, was=before, issue=about, comment=said)

    def review_comment(
        self,
        text: str = "Why not a tuple, @answerbot?",
        *,
        number: int = 8,
        comment: int | None = None,
        reply_to: int | None = None,
        review: int | None = None,
        path: str = posts.PATH,
        line: int = 4,
        start: int | None = None,
        title: str = "Oil the widgets",
        action: str = "created",
        before: str = "",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`pull_request_review_comment`: on a diff, or there in the thread below the comment `reply_to`."""
        pull = subjects.pull_request(self.repo, self.repository, number, OPENER, title=title, at=at)
        identity = comment or next(_numbers)
        said = posts.review_comment(
            self.repo, self.repository, number, identity, self.author, text, reply_to=reply_to, review=review,
            path=path, line=line, start=start, at=at,
        )  # fmt: skip
        return self.event("pull_request_review_comment", action, delivery, was=before, pull_request=pull, comment=said)

    def review(
        self,
        text: str = "Looks good, @answerbot",
        *,
        number: int = 8,
        review: int | None = None,
        title: str = "Oil the widgets",
        state: str = "commented",
        action: str = "submitted",
        before: str = "",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`pull_request_review`; a review without text has a body of null."""
        pull = subjects.pull_request(self.repo, self.repository, number, OPENER, title=title, at=at)
        identity = review or next(_numbers)
        said = posts.review(self.repo, self.repository, number, identity, self.author, text or None, state=state, at=at)
        return self.event("pull_request_review", action, delivery, was=before, pull_request=pull, review=said)

    def review_with_comments(
        self,
        comments: Sequence[tuple[int, str]],
        text: str = "",
        *,
        number: int = 8,
        review: int | None = None,
        state: str = "commented",
        at: float | None = None,
    ) -> list[Delivery]:
        """Return the webhooks of a review with comments on lines: the review's, and one for each (line, text)."""
        identity = review or next(_numbers)
        lines = [self.review_comment(said, number=number, review=identity, line=line, at=at) for line, said in comments]
        return [self.review(text, number=number, review=identity, state=state, at=at), *lines]

    def review_thread(
        self,
        action: str = "resolved",
        *,
        number: int = 8,
        root: int = 123,
        text: str = "Why?",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`pull_request_review_thread`: the thread that the comment `root` began was resolved, or it was not."""
        pull = subjects.pull_request(self.repo, self.repository, number, OPENER, title="Oil the widgets", at=at)
        said = posts.review_comment(self.repo, self.repository, number, root, self.author, text, at=at)
        thread = {"node_id": "PRRT_" + said["node_id"].partition("_")[2], "comments": [said]}
        return self.event("pull_request_review_thread", action, delivery, pull_request=pull, thread=thread)

    def discussion(
        self,
        text: str = "How do I oil a widget, @answerbot?",
        *,
        number: int = 9,
        title: str = "Oil",
        action: str = "created",
        before: str = "",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`discussion`: created, edited or deleted."""
        found = subjects.discussion(self.repo, self.repository, number, self.author, title=title, body=text, at=at)
        return self.event("discussion", action, delivery, was=before, discussion=found)

    def discussion_comment(
        self,
        text: str = "Which oil, @answerbot?",
        *,
        number: int = 9,
        comment: int | None = None,
        parent: int | None = None,
        title: str = "Oil",
        action: str = "created",
        before: str = "",
        delivery: str | None = None,
        at: float | None = None,
    ) -> Delivery:
        """`discussion_comment`: in a discussion, or there below the comment `parent`."""
        about = subjects.discussion(self.repo, self.repository, number, OPENER, title=title, body="", at=at)
        identity = comment or next(_numbers)
        said = posts.discussion_comment(
            self.repo, self.repository, number, identity, self.author, text, parent=parent, at=at
        )
        return self.event("discussion_comment", action, delivery, was=before, discussion=about, comment=said)
