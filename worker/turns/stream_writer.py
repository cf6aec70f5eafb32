"""Writes a running turn's stream events, batched every few milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import msgspec

from answerback.agents import Turn
from answerback.agents.stream import Outcome, Stream
from answerback.errors import LeaseLost, StoreFull, StoreUnavailable
from answerback.events import Event
from answerback.log import get_logger
from answerback.store.stream.stored_events import stored, stream_event
from answerback.store.threads.records import Claim, StreamAppend, StreamEvent
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

    async def close(self) -> list[StreamEvent]:
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
        self._said: dict[int, str] = {}
        self._shown: dict[int, str] = {}
        self._fresh: dict[int, bool] = {}
        self._told: set[StreamEvent] = set()
        self._pending: list[StreamEvent] = []
        self._task: asyncio.Task[None] | None = None
        self._writing = False
        self._closed = False

    # Called by the agent ---------------------------------------------------------------------------

    def text(self, number: int, chunk: str) -> None:
        """Append to a message."""
        self._said[number] = self._said.get(number, "") + chunk
        self._show(number, whole=False)

    def again(self, number: int) -> None:
        """Restart a message; the text shown stays until it differs."""
        self._said.pop(number, None)

    def whole(self, number: int, text: str) -> None:
        """Set the final text of a message."""
        self._said[number] = text
        self._show(number, whole=True)

    def tool_call(self, id: str, name: str, args: Any, *, public: bool = False) -> None:
        """Write the call of a tool."""
        self.tell("tool_call", id=id, name=name, args=args, **_marked(public))

    def tool_result(self, id: str, name: str, result: Any, outcome: Outcome, *, public: bool = False) -> None:
        """Write the result of a tool call."""
        self.tell("tool_result", id=id, name=name, result=result, outcome=outcome, **_marked(public))

    # Called by the worker --------------------------------------------------------------------------

    async def recover(self) -> None:
        """Read what followers have already seen."""
        after = "0"
        shown: dict[int, str] = {}
        self._told.clear()
        while page := await retry_while_unavailable(stored, self._threads, self._thread, after):
            for delta in page:
                after = delta.id
                data = msgspec.json.decode(delta.data)
                if data["turn"] != self._turn:
                    continue
                if delta.kind == "text":
                    number = int(data["message"].rpartition(".")[2])
                    shown[number] = shown.get(number, "")[: data["at"]] + data["text"]
                else:
                    self._told.add((delta.kind, delta.data))
        self._shown = shown

    def begin(self, agent: str, attempt: int, events: Sequence[Event]) -> None:
        """Announce the turn, unless an earlier attempt has done so."""
        if not any(kind == "turn" for kind, _ in self._told):
            said = [{"id": event.id, "text": event.text, "author": event.author} for event in events]
            self.tell("turn", attempt=attempt, agent=agent, events=[event.id for event in events], messages=said)

    def partial(self, number: int) -> str:
        """Return the text so far of an unfinished message."""
        return self._said.get(number, "")

    def tell(self, kind: str, **fields: Any) -> None:
        """Write a stream event, after the text so far."""
        if not self._closed:
            delta = stream_event(kind, self._turn, **fields)
            if delta not in self._told:
                self._cut()
                self._pending.append(delta)
                self._hurry()

    async def close(self) -> list[StreamEvent]:
        """Finish the current write, and return the events not written yet."""
        self._closed = True
        if self._task and not self._task.done():
            if self._writing:
                await self._task
            else:
                self._task.cancel()
        return self._take()

    # Writing -----------------------------------------------------------------------------

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
            said, shown = self._said.get(number, ""), self._shown.get(number, "")
            if said == shown or (not whole and shown.startswith(said)):
                continue
            at = len(shown) if said.startswith(shown) else _common(said, shown)
            self._pending.append(
                stream_event("text", self._turn, message=f"{self._turn}.{number}", at=at, text=said[at:])
            )
            self._shown[number] = said
        self._fresh.clear()

    def _take(self) -> list[StreamEvent]:
        self._cut()
        taken, self._pending = self._pending, []
        return taken

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
                others = [delta for delta in batch if delta[0] != "text" and delta not in self._told]
                self._pending = others + [delta for delta in self._pending if delta[0] != "text"]
                self._fresh = dict.fromkeys(self._said, False) | self._fresh
            finally:
                self._writing = False
            if self._closed:
                return
            await asyncio.sleep(PAUSE)


def _marked(public: bool) -> dict[str, bool]:
    return {"public": True} if public else {}


def _common(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
