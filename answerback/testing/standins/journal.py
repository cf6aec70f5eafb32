"""The record of all requests that arrived and all messages that were posted, in order."""

from __future__ import annotations

import time
from collections import Counter, deque

import msgspec

REMEMBERED = 100_000
"""Requests that are kept with their bodies; the counts are not limited."""


def now() -> int:
    """The time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Request(msgspec.Struct):
    """A request as it arrived. `status`: of the response; None until there is one."""

    number: int
    at: int
    platform: str
    operation: str
    method: str
    path: str
    body: str
    fault: str | None = None
    status: int | None = None


class Posted(msgspec.Struct):
    """A message as the platform stored it.

    thread   "acme/widgets#7", "acme/widgets#7/r123" (below a review comment), "acme/widgets#9/dc45"
             (below a discussion's comment); "C024BE91L/1700000000.000100"; what the body says for standard
    key      the mark it carries: the last HTML comment's last word on GitHub, the metadata's
             payload `key` on Slack, the webhook-id for standard; "" without one
    repeats  how often it was sent again and recognised as the same (standard)
    edits    its texts after each edit, oldest first; `body` is the last of them
    deleted  whether it was deleted since
    """

    number: int
    at: int
    platform: str
    operation: str
    id: str
    thread: str
    body: str
    key: str
    who: str
    url: str = ""
    repeats: int = 0
    edits: list[str] = msgspec.field(default_factory=list)
    deleted: bool = False


class Journal:
    """The requests and messages since the last reset."""

    def __init__(self) -> None:
        self.requests: deque[Request] = deque(maxlen=REMEMBERED)
        self.messages: list[Posted] = []
        self.counts: dict[str, Counter[str]] = {}
        self._received = 0

    def reset(self) -> None:
        """Delete everything."""
        self.requests.clear()
        self.messages.clear()
        self.counts.clear()
        self._received = 0

    def received(self, platform: str, operation: str, method: str, path: str, body: str) -> Request:
        """Record a request."""
        self._received += 1
        self.counts.setdefault(platform, Counter())[operation] += 1
        request = Request(self._received, now(), platform, operation, method, path, body)
        self.requests.append(request)
        return request

    def posted(
        self, platform: str, operation: str, *, id: str, thread: str, body: str, key: str, who: str, url: str = ""
    ) -> Posted:
        """Record a message."""
        message = Posted(len(self.messages) + 1, now(), platform, operation, id, thread, body, key, who, url)
        self.messages.append(message)
        return message

    def replace_text(self, platform: str, id: str, body: str) -> None:
        """Replace a message's text."""
        for message in self.messages:
            if message.platform == platform and message.id == id:
                message.body = body

    def edited(self, platform: str, id: str, body: str) -> None:
        """Record an edit of a message."""
        for message in self.messages:
            if message.platform == platform and message.id == id:
                message.body = body
                message.edits.append(body)

    def deleted(self, platform: str, id: str) -> None:
        """Record the deletion of a message."""
        for message in self.messages:
            if message.platform == platform and message.id == id:
                message.deleted = True
