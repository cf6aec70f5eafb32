"""Reviews of pull requests: one message with comments on lines, also with suggestions.

https://docs.github.com/en/rest/pulls/reviews
"""

from __future__ import annotations

import re

from answerback.errors import Rejected
from answerback.messages import Identity
from answerback.outgoing import NO_CONTENT, ReviewComment
from answerback.platforms import Exchange, NextPage, Sent
from answerback.platforms.answer import read
from answerback.platforms.attempt import Attempt
from answerback.platforms.blocks import closing
from answerback.platforms.github.address import Address
from answerback.platforms.github.calls import Calls
from answerback.platforms.github.comment import Comment, comment_of, comments_of
from answerback.platforms.github.marker import LIMIT, ROOM, marked, unmarked, with_marker
from answerback.replies import Reply

_EVENTS = {"": "COMMENT", "comment": "COMMENT", "approve": "APPROVE", "request_changes": "REQUEST_CHANGES"}
_FENCES = re.compile(r"`{3,}")
_PAGE = 100


class Reviews:
    """Posts reviews and finds them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def check(self, reply: Reply) -> str:
        """See `Client.check`."""
        content = reply.content or NO_CONTENT
        if not reply.address.get("pull"):
            return "only a pull request can be reviewed, and this thread is about something else: reply instead"
        if content.verdict != "approve" and not reply.text.strip() and not content.comments:
            return "a review needs a text or a comment on a line"
        if len(reply.text) > LIMIT - ROOM:
            return f"the text of a review has at most {LIMIT - ROOM} characters; this one has {len(reply.text)}"
        for comment in content.comments:
            if problem := _problem(comment):
                return problem
        return ""

    def post(self, reply: Reply) -> Exchange[Sent]:
        """https://docs.github.com/en/rest/pulls/reviews#create-a-review-for-a-pull-request"""
        place, attempt, content = Address.of(reply), Attempt.of(reply), reply.content or NO_CONTENT
        review = {
            "event": _EVENTS[content.verdict],
            "body": with_marker(reply.text, reply.key).lstrip(),
            "comments": [_inline(comment) for comment in content.comments],
        }
        doing = f"reviewing {place.name}"
        response = yield from self._calls.call(place, attempt, "POST", self._url(place), review, doing, effect=True)
        return _sent(read(response, comment_of, "GitHub", unknown=True))

    def find(self, reply: Reply, account: Identity) -> Exchange[Sent | NextPage | None]:
        """Find our review with this reply's marker, 100 per page. They are listed oldest first, without `since`."""
        place, attempt = Address.of(reply), Attempt.of(reply)
        page = int(reply.cursor) if reply.cursor.isdecimal() else 1
        url, doing = f"{self._url(place)}?per_page={_PAGE}&page={page}", f"looking for a review of {place.name}"
        response = yield from self._calls.call(place, attempt, "GET", url, None, doing)
        reviews: list[Comment] = read(response, comments_of, "GitHub", unknown=False)
        for review in reviews:
            if marked(review.body or "") == reply.key and account.wrote(review.identities):
                return _sent(review)
        return None if len(reviews) < _PAGE else NextPage(str(page + 1))

    def _url(self, place: Address) -> str:
        if place.discussion:
            raise Rejected("a discussion cannot be reviewed")
        return f"{self._calls.repo(place)}/pulls/{place.number}/reviews"


def _problem(comment: ReviewComment) -> str:
    where = f"{comment.path}:{comment.line}"
    if not comment.path or comment.path.startswith("/"):
        return f"a comment of the review needs the path of a file in the repository, not {comment.path!r}"
    if comment.line < 1 or comment.start < 0:
        return f"the lines of a file begin with 1: {where}"
    if comment.start and comment.start >= comment.line:
        return f"the first line of a comment is before its last line: {comment.path}:{comment.start}-{comment.line}"
    if not comment.text.strip() and comment.suggestion is None:
        return f"the comment on {where} has neither a text nor a suggestion"
    if comment.suggestion is not None and comment.side == "LEFT":
        return f"a suggestion replaces lines after the change, and {where} is on the LEFT side"
    if len(_body(comment)) > LIMIT:
        return f"the comment on {where} is longer than GitHub takes ({LIMIT} characters)"
    return ""


def _body(comment: ReviewComment) -> str:
    """Return the text of a comment on lines, with the suggestion that replaces them.

    https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/commenting-on-a-pull-request
    """
    text = unmarked(comment.text)
    if comment.suggestion is None:
        return text
    text = f"{text}{closing(text)}\n\n" if text.strip() else ""
    # The fence must be longer than any within the suggestion.
    fence = "`" * max([3, *(len(run) + 1 for run in _FENCES.findall(comment.suggestion))])
    lines = f"{comment.suggestion}\n" if comment.suggestion else ""
    return f"{text}{fence}suggestion\n{lines}{fence}"


def _inline(comment: ReviewComment) -> dict[str, str | int]:
    found: dict[str, str | int] = {
        "path": comment.path,
        "line": comment.line,
        "side": comment.side,
        "body": _body(comment),
    }
    if comment.start:
        found |= {"start_line": comment.start, "start_side": comment.side}
    return found


def _sent(review: Comment) -> Sent:
    return Sent(f"pull_request_review:{review.id}", review.html_url or "")
