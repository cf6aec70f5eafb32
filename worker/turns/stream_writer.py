"""Writes a running turn's stream events, batched every few milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from msgspec import UNSET

from answerback.agents import Turn
from answerback.agents.stream import Outcome, Stream
from answerback.errors import LeaseLost, StoreFull, StoreUnavailable
from answerback.events import Event
from answerback.log import get_logger
from answerback.store.stream.events import (
    EncodedEvent,
    StreamEvent,
    TextEvent,
    ToolCallEvent,
    ToolResultEvent,
    TurnEvent,
    TurnMessage,
    encode_event,
)
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

    async def close(self) -> list[EncodedEvent]:
        """Close the stream. Return the events not written yet, to be written with the end of the turn."""
        return []


NULL_STREAM = TurnStream()


def stream_of(turn: Turn) -> TurnStream:
    """Return a turn's stream. It may have changed since the turn began, if someone has started to follow it."""
    assert isinstance(turn.stream, TurnStream)
    return turn.stream


class StreamWriter(TurnStream):
    """The stream of one attempt of a turn.

    It knows what followers have seen of each message, also from an attempt that died: that is not repeated, and if this
    attempt produces a different text, it continues from where the texts diverge.
    """

    def __init__(self, threads: Threads, claim: Claim, turn: str) -> None:
        self.live = True
        self._threads = threads
        self._thread, self._fence, self._owner = claim.thread, claim.fence, claim.owner
        self._position = claim.position
        self._turn = turn
        self._texts: dict[int, str] = {}
        self._shown: dict[int, str] = {}
        self._fresh: dict[int, bool] = {}
        self._written: set[EncodedEvent] = set()
        self._pending: list[EncodedEvent] = []
        self._task: asyncio.Task[None] | None = None
        self._writing = False
        self._closed = False

    # Called by the agent ---------------------------------------------------------------------------

    def text(self, number: int, chunk: str) -> None:
        """Append to a message."""
        self._texts[number] = self._texts.get(number, "") + chunk
        self._show(number, whole=False)

    def again(self, number: int) -> None:
        """Restart a message; the text shown stays until it differs."""
        self._texts.pop(number, None)

    def whole(self, number: int, text: str) -> None:
        """Set the final text of a message."""
        self._texts[number] = text
        self._show(number, whole=True)

    def tool_call(self, id: str, name: str, args: Any, *, public: bool = False) -> None:
        """Write the call of a tool."""
        self._add(ToolCallEvent(turn=self._turn, id=id, name=name, args=args, public=public or UNSET))

    def tool_result(self, id: str, name: str, result: Any, outcome: Outcome, *, public: bool = False) -> None:
        """Write the result of a tool call."""
        self._add(
            ToolResultEvent(turn=self._turn, id=id, name=name, result=result, outcome=outcome, public=public or UNSET)
        )

    # Called by the worker --------------------------------------------------------------------------

    async def recover(self) -> None:
        """Read what followers have already seen."""
        after = "0"
        shown: dict[int, str] = {}
        self._written.clear()
        while page := await retry_while_unavailable(stored, self._threads, self._thread, after):
            for entry in page:
                after = entry.id
                if entry.event.turn != self._turn:
                    continue
                if isinstance(entry.event, TextEvent):
                    number = int(entry.event.message.rpartition(".")[2])
                    shown[number] = shown.get(number, "")[: entry.event.at] + entry.event.text
                else:
                    self._written.add(entry.encoded)
        self._shown = shown

    def begin(self, agent: str, attempt: int, events: Sequence[Event]) -> None:
        """Announce the turn, unless an earlier attempt has done so."""
        if not any(kind == TurnEvent.kind for kind, _ in self._written):
            ids = tuple(event.id for event in events)
            messages = tuple(TurnMessage(id=event.id, text=event.text, author=event.author) for event in events)
            self._add(TurnEvent(turn=self._turn, attempt=attempt, agent=agent, events=ids, messages=messages))

    def partial(self, number: int) -> str:
        """Return the text so far of an unfinished message."""
        return self._texts.get(number, "")

    async def close(self) -> list[EncodedEvent]:
        """Finish the current write, and return the events not written yet."""
        self._closed = True
        if self._task and not self._task.done():
            if self._writing:
                await self._task
            else:
                self._task.cancel()
        return self._take()

    # Writing -----------------------------------------------------------------------------

    def _add(self, event: StreamEvent) -> None:
        """Add an event after the text so far, unless it was written."""
        if not self._closed:
            # Encoded at once: a tool may change its arguments.
            encoded = encode_event(event)
            if encoded not in self._written:
                self._cut()
                self._pending.append(encoded)
                self._hurry()

    def _show(self, number: int, *, whole: bool) -> None:
        if not self._closed:
            self._fresh[number] = whole or self._fresh.get(number, False)
            self._hurry()

    def _hurry(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())

    def _cut(self) -> None:
        """Turn text that was not shown yet into stream events."""
        for number, whole in self._fresh.items():
            text, shown = self._texts.get(number, ""), self._shown.get(number, "")
            if text == shown or (not whole and shown.startswith(text)):
                continue
            at = len(shown) if text.startswith(shown) else _common(text, shown)
            message = f"{self._turn}.{number}"
            self._pending.append(encode_event(TextEvent(turn=self._turn, message=message, at=at, text=text[at:])))
            self._shown[number] = text
        self._fresh.clear()

    def _take(self) -> list[EncodedEvent]:
        self._cut()
        batch, self._pending = self._pending, []
        return batch

    async def _write(self) -> None:
        while batch := self._take():
            self._writing = True
            try:
                await self._threads.emit(StreamAppend(self._thread, self._fence, self._owner, self._position, batch))
            except LeaseLost:
                # Another worker has the thread now; our turn is being cancelled.
                self._closed = True
                return
            except (StoreUnavailable, StoreFull) as error:
                log.warning("stream events not written; will be retried", thread=self._thread, error=str(error))
                await self.recover()
                others = [event for event in batch if event[0] != TextEvent.kind and event not in self._written]
                self._pending = others + [event for event in self._pending if event[0] != TextEvent.kind]
                self._fresh = dict.fromkeys(self._texts, False) | self._fresh
            finally:
                self._writing = False
            if self._closed:
                return
            await asyncio.sleep(PAUSE)


def _common(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
