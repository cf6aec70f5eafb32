"""The kinds of GitHub's events that are messages.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of event.

    Attributes:
        about: The object that the thread is about.
        post: The object that was written.
        action: The action of writing it.
    """

    about: str
    post: str
    action: str


KINDS = {
    "issues": Kind("issue", "issue", "opened"),
    "issue_comment": Kind("issue", "comment", "created"),
    "pull_request": Kind("pull_request", "pull_request", "opened"),
    "pull_request_review": Kind("pull_request", "review", "submitted"),
    "pull_request_review_comment": Kind("pull_request", "comment", "created"),
    "discussion": Kind("discussion", "discussion", "created"),
    "discussion_comment": Kind("discussion", "comment", "created"),
}

_DEEDS = {
    "check_run": {"check_run"},
    "pull_request_review_thread": {"pull_request", "thread"},
    "installation": {"installation", "repositories"},
}
"""The keys of events that are about no message."""


def infer(keys: Iterable[str]) -> str | None:
    """Return the name of the event whose payload has these keys; None if there is none."""
    given = set(keys)
    if found := next((name for name, part in _DEEDS.items() if part <= given), None):
        return found
    matching = [name for name, kind in KINDS.items() if {kind.about, kind.post} <= given]
    return max(matching, key=lambda name: len({KINDS[name].about, KINDS[name].post}), default=None)
