"""Which stream events of a thread are about one message, and which of them ends it."""

from __future__ import annotations

import pytest

from answerback.messages import Message
from answerback.store.chats.answers import TurnAnswer
from answerback.store.stream.events import (
    DoneEvent,
    ErrorEvent,
    GoneEvent,
    StreamEvent,
    TextEvent,
    TurnEvent,
    encode_event,
)
from answerback.store.stream.stored_events import StoredEvent
from ingress.api.conversations.turn_filter import (
    TurnState,
    failure,
    rebuilt_events,
    recorded_end,
    replayed,
    turn_events,
)


def _stored(event: StreamEvent) -> StoredEvent:
    return StoredEvent("1-0", *encode_event(event))


def _turn(turn: str, *events: str) -> StoredEvent:
    return _stored(TurnEvent(turn=turn, events=events, messages=()))


def _text(turn: str, text: str) -> StoredEvent:
    return _stored(TextEvent(turn=turn, message=f"{turn}.0", at=0, text=text))


def _done(turn: str, *events: str, status: str = "completed") -> StoredEvent:
    return _stored(DoneEvent(turn=turn, events=events, status=status, message="", messages=()))


def _error(turn: str, *events: str, code: str = "timeout") -> StoredEvent:
    return _stored(ErrorEvent(turn=turn, events=events, reason="because", code=code))


def _observed(*events: StoredEvent) -> tuple[list[bool], TurnState]:
    state = TurnState("e1")
    return [state.observe(event) for event in events], state


def test_the_turns_of_others_are_not_about_it() -> None:
    about, state = _observed(
        _turn("e0", "e0"), _text("e0", "no"), _done("e0", "e0"), _turn("e1", "e1"), _text("e1", "yes")
    )
    assert about == [False, False, False, True, True]
    assert state.end is None


def test_it_may_be_answered_together_with_a_later_one() -> None:
    about, state = _observed(_turn("e2", "e1", "e2"), _text("e2", "both"), _done("e2", "e1", "e2"))
    assert about == [True, True, True]
    assert isinstance(state.end, DoneEvent)
    assert state.end.status == "completed"


def test_what_was_interrupted_is_not_at_its_end() -> None:
    _, state = _observed(_turn("e1", "e1"), _done("e1", "e1", status="interrupted"))
    assert state.end is None
    assert state.observe(_turn("e2", "e1", "e2"))
    assert state.observe(_error("e2", "e1", "e2"))
    assert state.end


def test_what_failed_and_was_put_back_is_not_at_its_end() -> None:
    replayed_turn = [_turn("e1", "e1"), _error("e1", "e1"), _turn("e1", "e1")]
    assert _observed(*replayed_turn)[1].end is None
    end = _observed(*replayed_turn, _done("e1", "e1"))[1].end
    assert isinstance(end, DoneEvent)
    assert end.status == "completed"


@pytest.mark.parametrize(
    ("code", "status"), [("agent_failed", 502), ("timeout", 504), ("limit", 502), ("unreachable", 502)]
)
def test_how_a_turn_failed_is_its_status(code: str, status: int) -> None:
    _, state = _observed(_error("e1", "e1", code=code))
    assert isinstance(state.end, ErrorEvent)
    assert (failure(state.end).status, failure(state.end).detail) == (status, "because")


def test_a_thread_that_is_deleted_ends_it() -> None:
    about, state = _observed(_stored(GoneEvent(turn="", reason="the thread was deleted")))
    assert about == [True]
    assert isinstance(state.end, GoneEvent)
    assert failure(state.end).status == 404


def test_an_event_of_a_later_version_is_about_the_message_of_its_turn() -> None:
    about, state = _observed(
        _turn("e2", "e1", "e2"),
        StoredEvent("1-0", "later", b'{"turn":"e2","x":1}'),
        StoredEvent("1-0", "later", b'{"turn":"e3"}'),
        StoredEvent("1-0", "later", b"{}"),
    )
    assert about == [True, True, False, False]
    assert state.end is None


async def test_what_is_only_in_the_history_is_told_again_to_its_end() -> None:
    messages = [Message(role="assistant", text=text, id=f"e1.{n}", turn="e1") for n, text in enumerate(("a", "b"))]
    answer = TurnAnswer(turn="e1", status="completed", messages=messages)
    events = rebuilt_events(answer, recorded_end(answer, "e1"))
    state = TurnState("e1")
    seen = [event async for event in turn_events(state, replayed([*events, _turn("e5", "e1")]))]
    assert [event.kind for event in seen] == ["text", "text", "done"]
    assert isinstance(state.end, DoneEvent)


async def test_a_failure_that_is_only_recorded_is_its_only_event() -> None:
    answer = TurnAnswer(turn="e1", status="failed", code="unreachable")
    (event,) = rebuilt_events(answer, recorded_end(answer, "e1"))
    assert event.event == ErrorEvent(
        turn="e1", events=("e1",), reason="the agent could not be reached", code="unreachable"
    )
