"""Writes a running turn's stream events, batched every few milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from answerback.agents import Turn
from answerback.agents.stream import Stream
from answerback.agents.stream_buffer import StreamBuffer
from answerback.errors import LeaseLost, StoreFull, StoreUnavailable
from answerback.events import Event
from answerback.log import get_logger
from answerback.store.stream.events import EncodedEvent, StreamEvent, TextEvent, UnknownEvent
from answerback.store.stream.stored_events import stored
from answerback.store.threads.records import Claim, StreamAppend
from answerback.store.threads.threads import Threads

from ..retry import retry_while_unavailable

log = get_logger(__name__)

PAUSE = 0.005
"""Seconds between two writes of a turn; events produced meanwhile are batched."""


class TurnStream(Stream):
    """A turn's stream as the worker uses it. This class does nothing: the thread is not being followed."""

    async def recover(self) -> None:
        """Read which events of this turn were already written, by an earlier attempt or a write of unknown outcome."""

    def begin(self, agent: str, attempt: int, events: Sequence[Event]) -> None:
        """Announce the turn, unless an earlier attempt has done so."""

    def partial(self, number: int) -> str:
        """Return the text so far of an unfinished message."""
        return ""

    async def finish(self) -> list[EncodedEvent]:
        """Close the stream. Return the events not written yet, to be written with the end of the turn."""
        return []

    def followed_by(self, stream: TurnStream) -> TurnStream:
        """Return the stream of this turn from now on: someone has started to follow it."""
        return stream

    async def settle(self) -> None:
        """Wait until the platform shows nothing more of the next reply, which is about to be stored."""

    def abort(self) -> None:
        """Show nothing more on the platform: the attempt has ended."""


NULL_STREAM = TurnStream()


def stream_of(turn: Turn) -> TurnStream:
    """Return a turn's stream. It may have changed since the turn began, if someone has started to follow it."""
    assert isinstance(turn.stream, TurnStream)
    return turn.stream


class StreamWriter(StreamBuffer, TurnStream):
    """The stream of one attempt of a turn, written to the thread's stream events while the turn runs."""

    def __init__(self, threads: Threads, claim: Claim, turn: str) -> None:
        super().__init__(turn)
        self._threads = threads
        self._thread, self._fence, self._owner = claim.thread, claim.fence, claim.owner
        self._position = claim.position
        self._task: asyncio.Task[None] | None = None
        self._writing = False

    async def recover(self) -> None:
        """Read what followers have already seen."""
        after = "0"
        seen: list[tuple[StreamEvent | UnknownEvent, EncodedEvent]] = []
        while page := await retry_while_unavailable(stored, self._threads, self._thread, after):
            seen += [(entry.event, entry.encoded) for entry in page]
            after = page[-1].id
        self.restore(seen)

    async def finish(self) -> list[EncodedEvent]:
        """Finish the current write, and return the events not written yet."""
        self.close()
        if self._task and not self._task.done():
            if self._writing:
                await self._task
            else:
                self._task.cancel()
        return self.take()

    def changed(self) -> None:
        """Start to write, unless that is under way."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while batch := self.take():
            self._writing = True
            try:
                await self._threads.emit(StreamAppend(self._thread, self._fence, self._owner, self._position, batch))
            except LeaseLost:
                # Another worker has the thread now; our turn is being cancelled.
                self.close()
                return
            except (StoreUnavailable, StoreFull) as error:
                log.warning("stream events not written; will be retried", thread=self._thread, error=str(error))
                await self.recover()
                self._requeue(batch)
            finally:
                self._writing = False
            if self._closed:
                return
            await asyncio.sleep(PAUSE)

    def _requeue(self, batch: Sequence[EncodedEvent]) -> None:
        """Write a batch again whose write failed, without what was written; all text is cut anew."""
        others = [event for event in batch if event[0] != TextEvent.kind and event not in self._written]
        self._pending = others + [event for event in self._pending if event[0] != TextEvent.kind]
        self._fresh = dict.fromkeys(self._texts, False) | self._fresh
