"""Edits and deletions of our own comments. A repeat changes nothing: the outbox of a thread is sent in order."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from answerback.errors import Rejected
from answerback.platforms import Exchange, Sent
from answerback.platforms.attempt import Attempt
from answerback.platforms.github import discussions
from answerback.platforms.github.address import Address
from answerback.platforms.github.calls import Calls, Method
from answerback.platforms.github.discussions import Comment
from answerback.platforms.github.marker import LIMIT, ROOM, with_marker
from answerback.replies import Reply

_REMEMBERED = 1000
_MOST_PAGES = 10
_GONE = (404, 410)

KINDS = ("issue_comment", "pull_request_review_comment", "pull_request_review", "discussion_comment")
"""What can be edited: the kinds in the ids of messages that are ours to write."""


class Target(NamedTuple):
    """A message by its id, as in webhooks: "issue_comment:123"."""

    kind: str
    id: str

    @classmethod
    def of(cls, message: str) -> Target:
        """Return a message's kind and number. Raises `Rejected` for an id that GitHub has not given."""
        kind, _, id = message.partition(":")
        if not (id.isascii() and id.isdigit()):
            raise Rejected(f'"{message}" is not the id of a message on GitHub')
        return cls(kind, id)


class Edits:
    """Changes comments. Node ids of discussions' comments are remembered: GraphQL takes no numbers."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._nodes: OrderedDict[str, str] = OrderedDict()

    def remember(self, comment: Comment) -> None:
        """Keep the node id of a comment in a discussion, which is needed to edit it."""
        self._nodes[comment.message] = comment.id
        while len(self._nodes) > _REMEMBERED:
            self._nodes.popitem(last=False)

    def check(self, reply: Reply) -> str:
        """See `Client.check`."""
        content = reply.content
        if content and content.actions:
            return "comments on GitHub have no buttons: leave them out of the edit"
        if len(reply.text) > LIMIT - ROOM:
            return f"a comment on GitHub has at most {LIMIT - ROOM} characters; this edit has {len(reply.text)}"
        kind = content.target.partition(":")[0] if content and ":" in content.target else ""
        if kind in ("issue", "pull_request", "discussion", "check_run"):
            return f"only comments and reviews of our own can be changed, and this is {_A[kind]}"
        if kind == "pull_request_review" and reply.kind == "delete":
            return "GitHub keeps a review that was submitted: edit it instead"
        return ""

    def edit(self, reply: Reply) -> Exchange[Sent]:
        """https://docs.github.com/en/rest/issues/comments#update-an-issue-comment and its like"""
        place, attempt = Address.of(reply), Attempt.of(reply)
        message = reply.content.target if reply.content else ""
        yield from self.write(place, attempt, message, with_marker(reply.text, reply.key))
        return Sent(message)

    def write(self, place: Address, attempt: Attempt, message: str, body: str) -> Exchange[None]:
        """Replace the text of a comment."""
        target, doing = Target.of(message), f"editing a comment in {place.name}"
        if target.kind == "discussion_comment":
            node = yield from self.node(place, attempt, message)
            if not node:
                raise self._calls.missing(place, attempt, f"the comment to edit in {place.name} is gone")
            variables = {"id": node, "body": body}
            yield from self._calls.query(place, attempt, discussions.UPDATE, variables, doing, effect=True)
            return
        review = target.kind == "pull_request_review"
        url = self._review(place, target) if review else self._comment(place, target)
        method: Method = "PUT" if review else "PATCH"
        yield from self._calls.call(place, attempt, method, url, {"body": body}, doing, effect=True)

    def delete(self, reply: Reply) -> Exchange[Sent]:
        """Delete a comment. One that is gone already counts as deleted.

        https://docs.github.com/en/rest/issues/comments#delete-an-issue-comment and its like
        """
        place, attempt = Address.of(reply), Attempt.of(reply)
        message = reply.content.target if reply.content else ""
        target, doing = Target.of(message), f"deleting a comment in {place.name}"
        if target.kind == "pull_request_review":
            raise Rejected("GitHub keeps a review that was submitted: edit it instead")
        if target.kind == "discussion_comment":
            if node := (yield from self.node(place, attempt, message)):
                query = discussions.DELETE
                yield from self._calls.query(place, attempt, query, {"id": node}, doing, effect=True, gone=True)
            return Sent(message)
        url = self._comment(place, target)
        yield from self._calls.call(place, attempt, "DELETE", url, None, doing, effect=True, accepted=_GONE)
        return Sent(message)

    def node(self, place: Address, attempt: Attempt, message: str) -> Exchange[str]:
        """Return the node id of a comment of a discussion; "" if it is not among the latest thousand."""
        if known := self._nodes.get(message):
            return known
        subject = (yield from parent_of(self._calls, place, attempt)) if place.comment else place.discussion
        before: str | None = None
        for _ in range(_MOST_PAGES):
            doing = f"looking for a comment in {place.name}"
            variables = {"id": subject, "before": before}
            data = yield from self._calls.query(place, attempt, discussions.COMMENTS, variables, doing)
            page = data.node.page if data.node else None
            for comment in page.nodes if page else ():
                if comment:
                    self.remember(comment)
            if found := self._nodes.get(message):
                return found
            if not page or not page.page_info.has_previous_page:
                break
            before = page.page_info.start_cursor
        return ""

    def _comment(self, place: Address, target: Target) -> str:
        areas = {"issue_comment": "issues", "pull_request_review_comment": "pulls"}
        if target.kind not in areas:
            raise Rejected(f"only comments of our own can be changed, not {_A.get(target.kind, target.kind)}")
        return f"{self._calls.repo(place)}/{areas[target.kind]}/comments/{target.id}"

    def _review(self, place: Address, target: Target) -> str:
        return f"{self._calls.repo(place)}/pulls/{place.number}/reviews/{target.id}"


def parent_of(calls: Calls, place: Address, attempt: Attempt) -> Exchange[str]:
    """Return the top comment of a discussion's comment thread: only that can be replied to."""
    variables = {"id": place.comment}
    data = yield from calls.query(place, attempt, discussions.PARENT, variables, f"reading {place.name}")
    if not data.node or not data.node.id:
        raise calls.missing(place, attempt, f"the comment to reply to in {place.name} is gone")
    return data.node.reply_to.id if data.node.reply_to else data.node.id


_A = {
    "issue": "an issue",
    "pull_request": "a pull request",
    "discussion": "a discussion",
    "check_run": "a check run, which `turn.check` changes",
}
