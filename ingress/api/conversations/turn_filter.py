"""Filter the stream events of a thread for the turns that answer one message."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from answerback.messages import general_reason
from answerback.store.chats.answers import TurnAnswer
from answerback.store.stream.events import (
    ActionsEvent,
    DoneEvent,
    ErrorEvent,
    GoneEvent,
    StreamAction,
    StreamEvent,
    TextEvent,
    TurnEvent,
    encode_event,
)
from answerback.store.stream.stored_events import StoredEvent

from ...problems import Problem

End = DoneEvent | ErrorEvent | GoneEvent
"""How a turn ended."""


class TurnState:
    """The turns that answer a message, by its dispatch id. `end` is None until they end, and again after a replay."""

    def __init__(self, id: str) -> None:
        self._id = id
        self._turns = {id}
        self.end: End | None = None

    def observe(self, stored: StoredEvent) -> bool:
        """Return whether an event is about the message. Call it for every event of the thread, in order."""
        event = stored.event
        if isinstance(event, GoneEvent):
            self.end = event
            return True
        if isinstance(event, TurnEvent | DoneEvent | ErrorEvent) and self._id in event.events:
            self._turns.add(event.turn)
            if isinstance(event, TurnEvent):
                # A failed message was replayed: its turn runs again.
                self.end = None
            elif isinstance(event, ErrorEvent) or event.status != "interrupted":
                # The messages of an interrupted turn are answered by another one.
                self.end = event
        return event.turn in self._turns


async def turn_events(state: TurnState, events: AsyncGenerator[StoredEvent, None]) -> AsyncGenerator[StoredEvent, None]:
    """Yield the events that are about one message, up to its end."""
    async with aclosing(events):
        async for stored in events:
            if state.observe(stored):
                yield stored
            if state.end is not None:
                return


def failure(end: ErrorEvent | GoneEvent) -> Problem:
    """Return the failure of a turn as a problem; a 404 for a deleted thread."""
    if isinstance(end, GoneEvent):
        return Problem(404, end.reason)
    more = {"turn": end.turn, "code": end.code}
    if end.code == "timeout":
        return Problem(504, end.reason, code="turn-timeout", more=more)
    return Problem(502, end.reason, code="turn-failed", more=more)


def recorded_end(answer: TurnAnswer, event: str) -> DoneEvent | ErrorEvent:
    """Rebuild the last event of the turn that answered the message with dispatch id `event`, from the turn's record."""
    if answer.status == "failed":
        code = answer.code or "agent_failed"
        return ErrorEvent(
            turn=answer.turn, events=(event,), reason=answer.reason or general_reason(code, ""), code=code
        )
    return DoneEvent(
        turn=answer.turn,
        events=(event,),
        status=answer.status,
        message=answer.messages[-1].id if answer.messages else "",
        messages=tuple(message.id for message in answer.messages),
        usage=answer.usage or (answer.messages[-1].usage if answer.messages else None),
        reason=answer.reason,
    )


def rebuilt_events(answer: TurnAnswer, end: DoneEvent | ErrorEvent) -> list[StoredEvent]:
    """Rebuild the events of a turn from its messages, without ids. `end` is the last one."""
    events: list[StreamEvent] = []
    if answer.status != "failed":
        for each in answer.messages:
            events.append(TextEvent(turn=answer.turn, message=each.id, at=0, text=each.text))
            if each.actions:
                shown = tuple(StreamAction.of(action) for action in each.actions)
                events.append(ActionsEvent(turn=answer.turn, message=each.id, actions=shown))
    return [StoredEvent("", *encode_event(event)) for event in (*events, end)]


async def replayed(events: list[StoredEvent]) -> AsyncGenerator[StoredEvent, None]:
    """Yield recorded events."""
    for event in events:
        yield event
