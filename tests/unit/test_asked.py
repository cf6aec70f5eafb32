"""Which deltas of a thread are about one message, and which of them ends it."""

from __future__ import annotations

from typing import Any

import pytest

from answerback.messages import Message
from answerback.store.chats.answers import TurnAnswer
from answerback.store.stream.stored_events import StoredEvent, stream_event
from ingress.api.conversations.turn_filter import RecordedEvents, TurnFilter, TurnState, failure, retold


def _delta(kind: str, turn: str, **fields: Any) -> StoredEvent:
    return StoredEvent("1-0", *stream_event(kind, turn, **fields))


def _taken(*deltas: StoredEvent) -> tuple[list[bool], TurnState]:
    asked = TurnState("e1")
    return [asked.takes(delta) for delta in deltas], asked


def test_the_turns_of_others_are_not_about_it() -> None:
    taken, asked = _taken(
        _delta("turn", "e0", events=["e0"]),
        _delta("text", "e0", message="e0.0", at=0, text="no"),
        _delta("done", "e0", events=["e0"], status="completed"),
        _delta("turn", "e1", events=["e1"]),
        _delta("text", "e1", message="e1.0", at=0, text="yes"),
    )
    assert taken == [False, False, False, True, True]
    assert asked.end is None


def test_it_may_be_answered_together_with_a_later_one() -> None:
    taken, asked = _taken(
        _delta("turn", "e2", events=["e1", "e2"]),
        _delta("text", "e2", message="e2.0", at=0, text="both"),
        _delta("done", "e2", events=["e1", "e2"], status="completed"),
    )
    assert taken == [True, True, True]
    assert asked.end
    assert asked.end.status == "completed"


def test_what_was_interrupted_is_not_at_its_end() -> None:
    _, asked = _taken(_delta("turn", "e1", events=["e1"]), _delta("done", "e1", events=["e1"], status="interrupted"))
    assert asked.end is None
    assert asked.takes(_delta("turn", "e2", events=["e1", "e2"]))
    assert asked.takes(_delta("error", "e2", events=["e1", "e2"], reason="no", code="timeout"))
    assert asked.end


def test_what_failed_and_was_put_back_is_not_at_its_end() -> None:
    told = [
        _delta("turn", "e1", events=["e1"]),
        _delta("error", "e1", events=["e1"], reason="no", code="timeout"),
        _delta("turn", "e1", events=["e1"]),
    ]
    assert _taken(*told)[1].end is None
    end = _taken(*told, _delta("done", "e1", events=["e1"], status="completed"))[1].end
    assert end
    assert end.status == "completed"


@pytest.mark.parametrize(
    ("code", "status"), [("agent_failed", 502), ("timeout", 504), ("limit", 502), ("unreachable", 502)]
)
def test_how_a_turn_failed_is_its_status(code: str, status: int) -> None:
    _, asked = _taken(_delta("error", "e1", events=["e1"], reason="because", code=code))
    assert asked.end
    assert (failure(asked.end).status, failure(asked.end).detail) == (status, "because")


def test_a_thread_that_is_deleted_ends_it() -> None:
    taken, asked = _taken(_delta("gone", "", reason="the thread was deleted"))
    assert taken == [True]
    assert asked.end
    assert failure(asked.end).status == 404


async def test_what_is_only_in_the_history_is_told_again_to_its_end() -> None:
    said = [Message(role="assistant", text=text, id=f"e1.{n}", turn="e1") for n, text in enumerate(("a", "b"))]
    deltas = retold(TurnAnswer(turn="e1", status="completed", messages=said), "e1")
    asked = TurnState("e1")
    found = [delta async for delta in TurnFilter(asked, RecordedEvents([*deltas, _delta("turn", "e5", events=["e1"])]))]
    assert [delta.kind for delta in found] == ["text", "text", "done"]
    assert asked.end
