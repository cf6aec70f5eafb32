"""The record of all requests that arrived and all messages that were posted, in order."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Any

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
             (below a discussion's comment); "C024BE91L/1700000000.000100"; our number or messaging service and
             theirs for Twilio; what the body says for standard
    key      the mark it carries: the last HTML comment's last word on GitHub, the metadata's
             payload `key` on Slack, the webhook-id for standard; "" without one
    repeats  how often it was sent again and recognised as the same (standard)
    edits    its texts after each edit, oldest first; `body` is the last of them
    blocks   what Slack shows besides or instead of the text
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
    blocks: list[Any] = []
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
        self, platform: str, operation: str, *, id: str, thread: str, body: str, key: str, who: str, **more: Any
    ) -> Posted:
        """Record a message. `more`: `url`, `blocks`."""
        message = Posted(len(self.messages) + 1, now(), platform, operation, id, thread, body, key, who, **more)
        self.messages.append(message)
        return message

    def replace_text(
        self, platform: str, id: str, body: str, blocks: list[Any] | None = None, key: str | None = None
    ) -> None:
        """Replace a message's text, and its blocks and key if they are given."""
        for message in self._all(platform, id):
            message.body = body
            message.blocks = message.blocks if blocks is None else blocks
            message.key = key or message.key

    def edited(self, platform: str, id: str, body: str, blocks: list[Any] | None = None) -> None:
        """Record an edit of a message."""
        self.replace_text(platform, id, body, blocks)
        for message in self._all(platform, id):
            message.edits.append(body)

    def deleted(self, platform: str, id: str) -> None:
        """Record the deletion of a message."""
        for message in self._all(platform, id):
            message.deleted = True

    def _all(self, platform: str, id: str) -> list[Posted]:
        return [one for one in reversed(self.messages) if one.platform == platform and one.id == id]
