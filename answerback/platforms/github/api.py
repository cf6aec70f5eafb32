"""GitHub's API with our credential: identify ourselves, post, change and find what we post."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from answerback.accounts import Account
from answerback.errors import Unavailable
from answerback.messages import Attachment, Identity
from answerback.platforms import (
    FIND,
    NATIVE,
    Client,
    Exchange,
    History,
    NextPage,
    Prepared,
    Repeat,
    Sent,
)
from answerback.platforms.answer import moment, read
from answerback.platforms.attempt import Attempt
from answerback.platforms.github import discussions
from answerback.platforms.github.address import Address
from answerback.platforms.github.calls import Calls
from answerback.platforms.github.check_runs import CheckRuns
from answerback.platforms.github.comment import Comment, comment_of, comments_of, sent
from answerback.platforms.github.credential import Credential
from answerback.platforms.github.downloads import Downloads
from answerback.platforms.github.edits import Edits, parent_of
from answerback.platforms.github.history import ThreadHistory
from answerback.platforms.github.marker import LIMIT, ROOM, marked, with_marker
from answerback.platforms.github.presence import EyesPresence
from answerback.platforms.github.reactions import Reactions
from answerback.platforms.github.reviews import Reviews
from answerback.platforms.github.streaming import Api, GitHubStreaming
from answerback.platforms.github.teams import calm
from answerback.platforms.text import split
from answerback.replies import Reply, ReplyKind

__all__ = ["LIMIT", "GitHub"]

_PAGE = 100
_MARGIN = 600.0
"""Seconds before the first attempt at which the search for a reply starts: clocks differ, and `since` is exact."""


class GitHub(Client):
    """See `Client`. A comment ends with a hidden marker with the reply's key, by which `find` recognises it."""

    # A comment may have been created despite a 5xx, and lists may lag behind writes:
    # https://github.com/probot/probot/issues/921 https://github.com/buildasaurs/Buildasaur/issues/163
    lag = 2.0
    kinds: frozenset[ReplyKind] = frozenset({"message", "edit", "delete", "reaction", "review", "check"})

    def __init__(
        self, credential: Credential, api: str, clock: Callable[[], float] = time.time, *, teams: bool = False
    ) -> None:
        """Create a client. `teams`: whether a reply may notify whole teams."""
        self._calls, self._teams = Calls(credential, api, clock), teams
        self._edits = Edits(self._calls)
        self._reactions = Reactions(self._calls, self._edits)
        self._reviews, self._checks = Reviews(self._calls), CheckRuns(self._calls)
        self._downloads = Downloads(self._calls)
        self._streaming = GitHubStreaming(
            Api(self._calls, self.post, self.find, lambda reply: self.limits(reply, looking=False))
        )

    def __repr__(self) -> str:
        return repr(self._calls)

    def whoami(self) -> Exchange[Identity]:
        return self._calls.credential.whoami()

    def granted(self) -> Exchange[frozenset[str] | None]:
        return (yield from self._calls.credential.granted())

    def accounts(self) -> Exchange[Sequence[Account] | None]:
        return (yield from self._calls.credential.accounts())

    def split(self, text: str) -> list[str]:
        return split(text if self._teams else calm(text), LIMIT - ROOM)

    def check(self, reply: Reply) -> str:
        match reply.kind:
            case "reaction":
                return self._reactions.check(reply)
            case "review":
                return self._reviews.check(reply)
            case "check":
                return self._checks.check(reply)
            case "edit" | "delete":
                return self._edits.check(reply)
        return ""

    def post(self, reply: Reply) -> Exchange[Sent | Prepared]:
        """https://docs.github.com/en/rest/issues/comments#create-an-issue-comment and its like"""
        match reply.kind:
            case "edit":
                return (yield from self._edits.edit(reply))
            case "delete":
                return (yield from self._edits.delete(reply))
            case "reaction":
                return (yield from self._reactions.give(reply))
            case "review":
                return (yield from self._reviews.post(reply))
            case "check":
                return (yield from self._checks.post(reply))
        return (yield from self._comment(reply))

    def _comment(self, reply: Reply) -> Exchange[Sent]:
        place, attempt, body = Address.of(reply), Attempt.of(reply), with_marker(reply.text, reply.key)
        doing = f"replying to {place.name}"
        if place.discussion:
            parent = (yield from self._parent(place, attempt)) if place.comment else None
            variables = {"discussion": place.discussion, "parent": parent, "body": body}
            data = yield from self._calls.query(place, attempt, discussions.ADD, variables, doing, effect=True)
            if not data.added or not data.added.comment:
                raise Unavailable(f"GitHub's response lacks the new comment while {doing}")
            self._edits.remember(data.added.comment)
            return Sent(data.added.comment.message, data.added.comment.url or "")
        url = self._comments(place) + (f"/{place.root}/replies" if place.root else "")
        response = yield from self._calls.call(place, attempt, "POST", url, {"body": body}, doing, effect=True)
        return sent(place, read(response, comment_of, "GitHub", unknown=True))

    def repeat(self, reply: Reply) -> Repeat:
        """A comment, a review and a new check run are looked for. A repeat of anything else changes nothing."""
        new = reply.kind in ("message", "review") or (reply.kind == "check" and not self._checks.exists(reply))
        return FIND if new else NATIVE

    def find(self, reply: Reply, account: Identity) -> Exchange[Sent | NextPage | None]:
        """Find our comment with this reply's marker, from ten minutes before the first attempt on, 100 per page."""
        place, attempt = Address.of(reply), Attempt.of(reply)
        if reply.kind == "review":
            return (yield from self._reviews.find(reply, account))
        if reply.kind == "check":
            return (yield from self._checks.find(reply, account))
        if place.discussion:
            return (yield from self._find_in_discussion(reply, place, attempt, account))
        page = int(reply.cursor) if reply.cursor.isdecimal() else 1
        since = f"&since={moment(reply.first, _MARGIN):%Y-%m-%dT%H:%M:%SZ}" if reply.first else ""
        url = f"{self._comments(place)}?per_page={_PAGE}&page={page}{since}"
        doing = f"looking for a reply in {place.name}"
        response = yield from self._calls.call(place, attempt, "GET", url, None, doing)
        comments: list[Comment] = read(response, comments_of, "GitHub", unknown=False)
        for comment in comments:
            if marked(comment.body or "") == reply.key and account.wrote(comment.identities):
                return sent(place, comment)
        return None if len(comments) < _PAGE else NextPage(str(page + 1))

    def _find_in_discussion(
        self, reply: Reply, place: Address, attempt: Attempt, account: Identity
    ) -> Exchange[Sent | NextPage | None]:
        start = moment(reply.first, _MARGIN)
        subject = (yield from self._parent(place, attempt)) if place.comment else place.discussion
        variables = {"id": subject, "before": reply.cursor or None}
        doing = f"looking for a reply in {place.name}"
        data = yield from self._calls.query(place, attempt, discussions.COMMENTS, variables, doing)
        if not data.node or not data.node.page:
            words = f"{place.name} is gone, or {self._calls.credential.name} may not see it"
            raise self._calls.missing(place, attempt, words)
        comments = [comment for comment in data.node.page.nodes if comment]
        for comment in comments:
            if marked(comment.body) == reply.key and account.wrote(comment.identities):
                self._edits.remember(comment)
                return Sent(comment.message, comment.url or "")
        info = data.node.page.page_info
        older = comments[0].created_at if comments else None
        if not info.has_previous_page or not info.start_cursor or (older and older < start):
            return None
        return NextPage(info.start_cursor)

    def limits(self, reply: Reply, *, looking: bool) -> Sequence[str]:
        """Return the credential's scopes. What is done to a review needs GraphQL, too."""
        both = ("core", "graphql") if reply.kind == "reaction" else ()
        return self._calls.scopes(reply.address, *both)

    @property
    def presence(self) -> EyesPresence:
        return EyesPresence(self._calls, self._reactions)

    @property
    def streaming(self) -> GitHubStreaming:
        return self._streaming

    @property
    def history(self) -> History:
        return ThreadHistory(self._calls)

    def fetch(self, attachment: Attachment) -> Exchange[bytes]:
        return self._downloads.fetch(attachment)

    def _parent(self, place: Address, attempt: Attempt) -> Exchange[str]:
        """Return the top comment of a discussion's comment thread: only that can be replied to."""
        return parent_of(self._calls, place, attempt)

    def _comments(self, place: Address) -> str:
        kind = "pulls" if place.root else "issues"  # a pull request's own conversation is an issue's
        return f"{self._calls.repo(place)}/{kind}/{place.number}/comments"
