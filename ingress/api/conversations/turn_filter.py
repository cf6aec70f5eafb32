"""Filter the stream events of a thread for the turns that answer one message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec

from answerback.messages import Usage
from answerback.store.chats.answers import TurnAnswer
from answerback.store.stream.stored_events import StoredEvent, stream_event
from answerback.store.threads.turn_ends import general

from ...problems import Problem


class End(msgspec.Struct, frozen=True):
    """How a turn ended: the fields of the events "done" and "error"."""

    turn: str = ""
    events: list[str] = []
    status: str = ""
    usage: Usage | None = None
    reason: str = ""
    code: str = ""


_head = msgspec.json.Decoder(End).decode


class TurnState:
    """The turns that answer a message, by its dispatch id. `end` is None until they end, and again after a replay."""

    def __init__(self, id: str) -> None:
        self._id = id
        self._turns = {id}
        self.end: End | None = None

    def takes(self, delta: StoredEvent) -> bool:
        """Return whether an event is about the message. Call it for every event, in order."""
        head = _head(delta.data)
        if self._id in head.events:
            self._turns.add(head.turn)
        if delta.kind == "gone":
            self.end = head
            return True
        if head.turn not in self._turns:
            return False
        if delta.kind == "turn":
            # A failed message was replayed: its turn runs again.
            self.end = None
        # The messages of an interrupted turn are answered by another one.
        if delta.kind in ("done", "error") and self._id in head.events and head.status != "interrupted":
            self.end = head
        return True


class TurnFilter:
    """The events of a thread that are about one message, up to its end. `anext` may be cancelled."""

    def __init__(self, asked: TurnState, deltas: AsyncIterator[StoredEvent]) -> None:
        self._asked = asked
        self._deltas = deltas

    def __aiter__(self) -> TurnFilter:
        return self

    async def __anext__(self) -> StoredEvent:
        while self._asked.end is None:
            delta = await anext(self._deltas)
            if self._asked.takes(delta):
                return delta
        raise StopAsyncIteration


class RecordedEvents:
    """An async iterator over stored events."""

    def __init__(self, deltas: Iterable[StoredEvent]) -> None:
        self._deltas = iter(deltas)

    def __aiter__(self) -> RecordedEvents:
        return self

    async def __anext__(self) -> StoredEvent:
        for delta in self._deltas:
            return delta
        raise StopAsyncIteration


def failure(end: End) -> Problem:
    """Return an "error" event as a problem; a 404 for a deleted thread."""
    if not end.code:
        return Problem(404, end.reason)
    if end.code == "timeout":
        return Problem(504, end.reason, code="turn-timeout", more={"turn": end.turn, "code": end.code})
    return Problem(502, end.reason, code="turn-failed", more={"turn": end.turn, "code": end.code})


def retold(answer: TurnAnswer, event: str) -> list[StoredEvent]:
    """Rebuild the events of a turn from its stored end and messages, without ids."""
    found: list[tuple[str, bytes]] = [
        stream_event("text", answer.turn, message=message.id, at=0, text=message.text) for message in answer.messages
    ]
    if answer.status == "failed":
        code = answer.code or "agent_failed"
        why = answer.reason or general(code, "")
        return [StoredEvent("", *stream_event("error", answer.turn, events=[event], reason=why, code=code))]
    last: dict[str, Any] = {
        "events": [event],
        "status": answer.status,
        "message": answer.messages[-1].id if answer.messages else "",
        "messages": [message.id for message in answer.messages],
        "usage": answer.usage or (answer.messages[-1].usage if answer.messages else None),
    }
    return [StoredEvent("", kind, data) for kind, data in [*found, stream_event("done", answer.turn, **last)]]
