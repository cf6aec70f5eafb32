"""An answer as an append-only text stream, for protocols that cannot replace text already sent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from answerback.store.stream.stored_events import StoredEvent

from ...problems import Problem
from .turn_filter import End, failure
from .waits import limited


class _Text(msgspec.Struct, frozen=True):
    message: str
    at: int
    text: str


_text = msgspec.json.Decoder(_Text).decode
_end = msgspec.json.Decoder(End).decode


class TextStream:
    """The text of an answer as it is written; messages are separated by an empty line. `anext` may be cancelled.

    `anext` raises `Problem` if there is no answer. `end` is how the turn ended; None until then.
    """

    def __init__(self, deltas: AsyncIterator[StoredEvent]) -> None:
        self.end: End | None = None
        self._deltas = deltas
        self._first = ""
        self._message = ""
        self._length = 0

    async def begin(self, seconds: float) -> None:
        """Wait up to `seconds` for the first piece, so that an early failure is raised before anything is sent."""
        try:
            async with limited(seconds):
                self._first = await anext(self)
        except (TimeoutError, StopAsyncIteration):
            pass

    def __aiter__(self) -> TextStream:
        return self

    async def __anext__(self) -> str:
        if self._first:
            first, self._first = self._first, ""
            return first
        while self.end is None:
            delta = await anext(self._deltas)
            if delta.kind == "text" and (fresh := self._grow(_text(delta.data))):
                return fresh
            if delta.kind == "done":
                self.end = taken(_end(delta.data))
            elif delta.kind in ("error", "gone"):
                raise failure(_end(delta.data))
        raise StopAsyncIteration

    def _grow(self, piece: _Text) -> str:
        between = ""
        if piece.message != self._message:
            between = "\n\n" if self._message else ""
            self._message, self._length = piece.message, 0
        if piece.at != self._length:
            # An attempt failed in mid-stream, and the next one produced another text.
            detail = "the answer was restarted with another text; repeat the request with the same Idempotency-Key"
            raise Problem(502, detail, code="began-anew")
        self._length += len(piece.text)
        return between + piece.text


def taken(end: End) -> End:
    """Return the end of a turn. Raises `Problem` (409) if no agent accepted the message."""
    if end.status == "dropped":
        raise Problem(409, "the agent is working and accepts no messages meanwhile", code="busy")
    if end.status == "ignored":
        raise Problem(409, "no agent answers in this thread", code="no-chat")
    return end
