"""The messages of Slack's stand-in, by channel and thread."""

from __future__ import annotations

import time
from bisect import bisect_right
from dataclasses import dataclass

from answerback.testing.standins.values import Json


@dataclass
class Message:
    """A message of a conversation. `bot`: whether the bot wrote it, or a person."""

    channel: str
    ts: str
    text: str
    user: str
    bot: bool = False
    thread_ts: str | None = None
    metadata: Json | None = None
    edited: str | None = None


@dataclass(frozen=True)
class Window:
    """A span of time, in seconds; `inclusive`: with its ends."""

    oldest: float
    latest: float
    inclusive: bool

    def page(self, messages: list[Message], after: str, size: int) -> tuple[list[Message], bool]:
        """Return up to `size` of its messages that follow the one at `after`, and whether there are more."""
        found = [one for one in messages if self._holds(float(one.ts))]
        begin = bisect_right([one.ts for one in found], after) if after else 0
        return found[begin : begin + size], begin + size < len(found)

    def _holds(self, at: float) -> bool:
        return self.oldest < at < self.latest or (self.inclusive and at in (self.oldest, self.latest))


class Conversations:
    """All channels of a workspace."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Delete all messages."""
        self._threads: dict[tuple[str, str], list[Message]] = {}
        self._by_ts: dict[tuple[str, str], Message] = {}
        self._last = 0

    def timestamp(self) -> str:
        """Return the time as the id of a message, never the same twice."""
        self._last = max(time.time_ns() // 1000, self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def keep(self, message: Message) -> None:
        """Store a message."""
        self._by_ts[message.channel, message.ts] = message
        if message.thread_ts is not None and message.thread_ts != message.ts:
            thread = self._threads.setdefault((message.channel, message.thread_ts), [])
            thread.append(message)
            thread.sort(key=lambda one: one.ts)

    def find(self, channel: str, ts: str) -> Message | None:
        """One message."""
        return self._by_ts.get((channel, ts))

    def thread(self, channel: str, ts: str) -> tuple[Message, list[Message]]:
        """Return the thread of a message: its first message, invented if it is unknown, and the replies."""
        named = self.find(channel, ts)
        root = named.thread_ts if named and named.thread_ts else ts
        parent = self.find(channel, root) or Message(channel, root, "", "U2147483697")
        return parent, self._threads.get((channel, root), [])
