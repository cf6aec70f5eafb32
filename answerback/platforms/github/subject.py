"""What an event of GitHub is about."""

from __future__ import annotations

from answerback.events import Subject
from answerback.platforms.github.payload import About, Post
from answerback.platforms.subject import BODY, TITLE, shortened


def subject(kind: str, about: About, post: Post, *, own: bool) -> Subject:
    """Return the subject of an event. `own`: whether its text is the event's own."""
    # `line` is null if the pull request no longer has the line; its original number is always there.
    line, start = post.line or post.original_line or 0, post.start_line or post.original_start_line or 0
    return Subject(
        kind=kind,
        title=shortened(about.title or "", TITLE),
        body="" if own else shortened(about.body or "", BODY),
        author=about.user.name if about.user else "",
        path=shortened(post.path or "", TITLE),
        start=start if start != line else 0,
        line=line,
        # GitHub shows the end of it above the comment: https://docs.github.com/en/rest/pulls/comments (diff_hunk)
        diff=shortened(post.diff_hunk or "", BODY, end=True),
    )
