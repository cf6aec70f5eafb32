"""Comments as the REST API gives them."""

from __future__ import annotations

import msgspec

from answerback.platforms import Sent
from answerback.platforms.decoding import Spare
from answerback.platforms.github.address import Address
from answerback.platforms.github.authors import identities
from answerback.platforms.github.payload import App, Id, Time, User


class Comment(msgspec.Struct):
    """A comment on an issue, a pull request or its lines, or a review."""

    id: int
    html_url: Spare[str] = None
    body: Spare[str] = None
    body_html: Spare[str] = None
    user: Spare[User] = None
    performed_via_github_app: Spare[App] = None
    created_at: Spare[Time] = None
    submitted_at: Spare[Time] = None
    in_reply_to_id: Spare[Id] = None
    path: Spare[str] = None
    line: Spare[int] = None
    original_line: Spare[int] = None
    start_line: Spare[int] = None
    diff_hunk: Spare[str] = None

    @property
    def identities(self) -> tuple[str, ...]:
        """Its author's identities, as in webhooks."""
        return identities(self.user, self.performed_via_github_app) if self.user else ()

    @property
    def at(self) -> int:
        """When it was written, in ms; 0 if unknown."""
        written = self.submitted_at or self.created_at
        return int(written.timestamp() * 1000) if written else 0


comment_of = msgspec.json.Decoder(Comment)
comments_of = msgspec.json.Decoder(list[Comment])


def sent(place: Address, comment: Comment) -> Sent:
    """Return a comment that was posted at an address, with its id as in webhooks."""
    kind = "pull_request_review_comment" if place.root else "issue_comment"
    return Sent(f"{kind}:{comment.id}", comment.html_url or "")
