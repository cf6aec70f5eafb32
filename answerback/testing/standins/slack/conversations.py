"""The messages of Slack's stand-in, by channel and thread."""

from __future__ import annotations

import time
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from answerback.testing.standins.values import Json


@dataclass
class Message:
    """A message of a conversation.

    bot        the bot user's installation wrote it, or a person (None)
    stream     what `chat.startStream` began and nobody has ended
    reactions  the emoji's name → who reacted with it
    """

    channel: str
    ts: str
    text: str
    user: str
    bot: str | None = None
    team: str = ""
    thread_ts: str | None = None
    metadata: Json | None = None
    edited: str | None = None
    blocks: list[Any] | None = None
    attachments: list[Any] | None = None
    files: list[Json] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    subtype: str | None = None

    @property
    def root(self) -> str:
        """The `ts` of its thread's first message."""
        return self.thread_ts or self.ts


@dataclass(frozen=True)
class Window:
    """A span of time, in seconds; `inclusive`: with its ends."""

    oldest: float
    latest: float
    inclusive: bool

    def page(self, messages: list[Message], after: str, size: int) -> tuple[list[Message], bool]:
        """Return up to `size` of its messages that follow the one at `after`, and whether there are more."""
        found = self.of(messages)
        begin = bisect_right([one.ts for one in found], after) if after else 0
        return found[begin : begin + size], begin + size < len(found)

    def newest(self, messages: list[Message], before: str, size: int) -> tuple[list[Message], bool]:
        """Return up to `size` of its messages that precede the one at `before`, newest first, and whether more do."""
        found = [one for one in reversed(self.of(messages)) if not before or one.ts < before]
        return found[:size], len(found) > size

    def of(self, messages: list[Message]) -> list[Message]:
        """Return its messages."""
        return [one for one in messages if self._holds(float(one.ts))]

    def _holds(self, at: float) -> bool:
        return self.oldest < at < self.latest or (self.inclusive and at in (self.oldest, self.latest))


class Conversations:
    """All channels of all workspaces: a channel's id is unique among them."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Delete all messages."""
        self._threads: dict[tuple[str, str], list[Message]] = {}
        self._channels: dict[str, list[Message]] = {}
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
            place = self._threads.setdefault((message.channel, message.thread_ts), [])
        else:
            place = self._channels.setdefault(message.channel, [])
        place.append(message)
        if len(place) > 1 and place[-2].ts > message.ts:
            place.sort(key=lambda one: one.ts)

    def remove(self, message: Message) -> None:
        """Delete a message."""
        del self._by_ts[message.channel, message.ts]
        for place in (self._threads.get((message.channel, message.root), []), self.top(message.channel)):
            if message in place:
                place.remove(message)

    def find(self, channel: str, ts: str) -> Message | None:
        """One message."""
        return self._by_ts.get((channel, ts))

    def channels(self) -> list[str]:
        """Return the channels in which something was written."""
        return sorted({channel for channel, _ in self._by_ts})

    def top(self, channel: str) -> list[Message]:
        """Return the messages of a channel that are not replies, oldest first."""
        return self._channels.get(channel, [])

    def thread(self, channel: str, ts: str) -> tuple[Message, list[Message]]:
        """Return the thread of a message: its first message, invented if it is unknown, and the replies."""
        named = self.find(channel, ts)
        root = named.root if named else ts
        parent = self.find(channel, root) or Message(channel, root, "", "U2147483697")
        return parent, self._threads.get((channel, root), [])
