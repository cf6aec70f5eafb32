"""An answer as an append-only text stream, for protocols that cannot replace text already sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

from answerback.store.stream.events import DoneEvent, ErrorEvent, GoneEvent, TextEvent
from answerback.store.stream.stored_events import StoredEvent

from ...problems import Problem
from .turn_filter import failure
from .waits import limited


class TextStream:
    """The text of an answer as it is written.

    pieces  its pieces; messages are separated by an empty line. Reading them raises `Problem` if there is no answer
    end     how the turn ended; None until then
    """

    def __init__(self, events: AsyncGenerator[StoredEvent, None]) -> None:
        self.pieces = self._read(events)
        self.end: DoneEvent | None = None
        self._message = ""
        self._length = 0

    @asynccontextmanager
    async def begun(self, seconds: float) -> AsyncIterator[TextStream]:
        """Wait up to `seconds` for the first piece, so that an early failure is raised before anything is sent.

        The first piece stays in `pieces`, which are closed at the end of the context.
        """
        rest = self.pieces
        first = asyncio.create_task(_first(rest))
        try:
            with suppress(TimeoutError):
                async with limited(seconds):
                    await asyncio.wait({first})
            if first.done():
                first.result()
            async with aclosing(_resumed(first, rest)) as self.pieces:
                yield self
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await rest.aclose()

    async def _read(self, events: AsyncGenerator[StoredEvent, None]) -> AsyncGenerator[str, None]:
        async with aclosing(events):
            async for stored in events:
                match stored.event:
                    case TextEvent() as event:
                        if piece := self._append(event):
                            yield piece
                    case DoneEvent() as event:
                        refuse_unanswered(event.status, event.reason)
                        self.end = event
                        return
                    case ErrorEvent() | GoneEvent() as event:
                        raise failure(event)

    def _append(self, event: TextEvent) -> str:
        separator = ""
        if event.message != self._message:
            separator = "\n\n" if self._message else ""
            self._message, self._length = event.message, 0
        if event.at != self._length:
            # An attempt failed in mid-stream, and the next one produced another text.
            detail = "the answer was restarted with another text; repeat the request with the same Idempotency-Key"
            raise Problem(502, detail, code="began-anew")
        self._length += len(event.text)
        return separator + event.text


async def _first(pieces: AsyncGenerator[str, None]) -> str | None:
    return await anext(pieces, None)


async def _resumed(first: asyncio.Task[str | None], rest: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    if (piece := await first) is not None:
        yield piece
    async for piece in rest:
        yield piece


def refuse_unanswered(status: str, reason: str) -> None:
    """Raise `Problem` (409) for the status of a turn in which no agent accepted the message, and the reason for it."""
    if status == "dropped":
        raise Problem(409, "the agent is working and accepts no messages meanwhile", code="busy")
    if status == "ignored":
        raise Problem(409, reason or "no agent answers in this thread", code="no-chat")
