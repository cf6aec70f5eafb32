"""The stream events of a thread in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from answerback.agents.stream_buffer import StreamBuffer
from answerback.store.stream.events import EncodedEvent, StreamEvent, UnknownEvent, decode_event, encode_event


class StreamLog:
    """All stream events of a thread, oldest first.

    Attributes:
        events: The events.
        followers: Called with each new event.
    """

    def __init__(self) -> None:
        self.events: list[StreamEvent | UnknownEvent] = []
        self.followers: list[Callable[[StreamEvent | UnknownEvent], None]] = []
        self._encoded: list[EncodedEvent] = []

    @property
    def within_turn(self) -> bool:
        """Whether the events end in the middle of a turn."""
        return bool(self._encoded) and self._encoded[-1][0] not in ("done", "error")

    def append(self, *events: StreamEvent) -> None:
        """Add events."""
        self.extend(map(encode_event, events))

    def extend(self, events: Iterable[EncodedEvent]) -> None:
        """Add encoded events. They are decoded from what a worker would store, so that both have the same content."""
        for encoded in events:
            event = decode_event(*encoded)
            self._encoded.append(encoded)
            self.events.append(event)
            for follow in list(self.followers):
                follow(event)

    def buffer(self, turn: str) -> MemoryStream:
        """Return the stream of a new attempt of a turn."""
        stream = MemoryStream(turn, self)
        stream.restore(zip(self.events, self._encoded, strict=True))
        return stream


class MemoryStream(StreamBuffer):
    """The stream of one attempt: each change is an event at once."""

    def __init__(self, turn: str, log: StreamLog) -> None:
        super().__init__(turn)
        self.live = bool(log.followers)
        self._log = log

    def changed(self) -> None:
        """Append what has changed."""
        self._log.extend(self.take())
