"""What was said in a thread before: comments of an issue, a pull request, its lines, a discussion."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.errors import Rejected
from answerback.messages import Author, AuthorKind
from answerback.platforms import Exchange, History, HistoryPage, Place, Response, Spoken
from answerback.platforms.answer import read
from answerback.platforms.attempt import LAST
from answerback.platforms.github import discussions
from answerback.platforms.github.address import Address
from answerback.platforms.github.attachments import attached_files
from answerback.platforms.github.authors import is_bot
from answerback.platforms.github.calls import Calls
from answerback.platforms.github.comment import Comment, comments_of
from answerback.platforms.github.edits import parent_of
from answerback.platforms.github.marker import marked, without_marker

_PAGE = 100
"""Comments of one request. REST lists the oldest first: the last page is found by the links of the first."""

_OPENING = {"issue", "pull_request", "discussion"}
"""Kinds of messages that begin a thread."""


class ThreadHistory(History):
    """See `History`. The text of the issue, pull request or discussion is the event's subject."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def begins(self, place: Place) -> bool:
        return place.message.partition(":")[0] in _OPENING

    def page(self, place: Place, limit: int, cursor: str = "") -> Exchange[HistoryPage]:
        try:
            address = msgspec.convert(place.address, Address)
        except msgspec.ValidationError as error:
            raise Rejected(f"the event has no usable GitHub address: {error}") from error
        if address.discussion:
            return (yield from self._discussion(place, address, limit, cursor))
        if address.root:
            return (yield from self._lines(place, address, limit))
        return (yield from self._conversation(place, address, limit, cursor))

    def limits(self, place: Place) -> Sequence[str]:
        return self._calls.scopes(place.address)

    def _conversation(self, place: Place, address: Address, limit: int, cursor: str) -> Exchange[HistoryPage]:
        url = f"{self._calls.repo(address)}/issues/{address.number}/comments?per_page={_PAGE}&page="
        page = int(cursor) if cursor.isdecimal() else 0
        if not page:
            response = yield from self._get(address, f"{url}1")
            page = _last(response.headers.get("link", ""))
            if page == 1:
                comments: list[Comment] = read(response, comments_of, "GitHub", unknown=False)
                return _page(place, comments, limit, "")
        response = yield from self._get(address, f"{url}{page}")
        comments = read(response, comments_of, "GitHub", unknown=False)
        found = _page(place, comments, limit, str(page - 1) if page > 1 else "")
        if found.messages or page == 1:
            return found
        # The event's message was the first of this page.
        return (yield from self._conversation(place, address, limit, str(page - 1)))

    def _lines(self, place: Place, address: Address, limit: int) -> Exchange[HistoryPage]:
        """Read a thread on lines: GitHub lists the comments of all of them together."""
        url = f"{self._calls.repo(address)}/pulls/{address.number}/comments?per_page={_PAGE}&page="
        found: list[Comment] = []
        for page in range(1, 11):
            response = yield from self._get(address, f"{url}{page}")
            comments = read(response, comments_of, "GitHub", unknown=False)
            found += [one for one in comments if address.root in (one.id, one.in_reply_to_id)]
            if len(comments) < _PAGE:
                break
        return _page(place, found, limit, "", kind="pull_request_review_comment")

    def _discussion(self, place: Place, address: Address, limit: int, cursor: str) -> Exchange[HistoryPage]:
        subject = (yield from parent_of(self._calls, address, LAST)) if address.comment else address.discussion
        variables = {"id": subject, "before": cursor or None}
        doing = f"reading {address.name}"
        data = yield from self._calls.query(address, LAST, discussions.COMMENTS, variables, doing)
        page = data.node.page if data.node else None
        if page is None:
            raise Rejected(f"{address.name} is gone, or {self._calls.credential.name} may not see it")
        messages = [
            Spoken(
                message=one.message,
                author=one.speaker,
                text=without_marker(one.body),
                identities=one.identities,
                at=int(one.created_at.timestamp() * 1000) if one.created_at else 0,
                attachments=attached_files(one.body, place.address, one.message),
                delivery=_delivery(place, one.message),
                reply=marked(one.body),
            )
            for one in page.nodes
            if one
        ]
        before = _before(place, messages)
        older = page.page_info.start_cursor if page.page_info.has_previous_page else None
        return HistoryPage(before[-limit:], "" if len(before) > limit else older or "")

    def _get(self, address: Address, url: str) -> Exchange[Response]:
        return self._calls.call(address, LAST, "GET", url, None, f"reading {address.name}")


def _page(
    place: Place, comments: Sequence[Comment], limit: int, older: str, kind: str = "issue_comment"
) -> HistoryPage:
    messages = [
        Spoken(
            message=f"{kind}:{one.id}",
            author=_author(one),
            text=without_marker(one.body or ""),
            identities=one.identities,
            at=one.at,
            attachments=attached_files(one.body or "", place.address, f"{kind}:{one.id}"),
            delivery=_delivery(place, f"{kind}:{one.id}"),
            reply=marked(one.body or ""),
        )
        for one in comments
    ]
    before = _before(place, messages)
    return HistoryPage(before[-limit:], "" if len(before) > limit else older)


def _delivery(place: Place, message: str) -> str:
    """Return the delivery id of a comment's webhook: see `webhook.parse`."""
    event, _, id = message.partition(":")
    return f"github:{place.thread.split(':')[1]}:{event}.created:{id}"


def _before(place: Place, messages: Sequence[Spoken]) -> Sequence[Spoken]:
    """Return the messages before the event's own, if that is among them."""
    for number, one in enumerate(messages):
        if place.message and one.message == place.message:
            return messages[:number]
    return messages


def _author(comment: Comment) -> Author:
    if comment.user is None:
        return Author("0", "ghost")
    kind: AuthorKind = "bot" if is_bot(comment.user) else "app" if comment.performed_via_github_app else "person"
    return Author(str(comment.user.id), comment.user.name, kind)


def _last(link: str) -> int:
    """Return the number of the last page by the header with links; 1 without one.

    https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
    """
    for part in link.split(","):
        if 'rel="last"' in part:
            number = part.partition("page=")[2] if "&page=" not in part else part.partition("&page=")[2]
            digits = number[: len(number) - len(number.lstrip("0123456789"))]
            return int(digits) if digits else 1
    return 1
