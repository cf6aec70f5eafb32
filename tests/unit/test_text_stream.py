"""An answer for those who can only add to what they have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from answerback.store.stream.events import DoneEvent, ErrorEvent, StreamEvent, TextEvent, TurnEvent, encode_event
from answerback.store.stream.stored_events import StoredEvent
from ingress.api.conversations.text_stream import TextStream
from ingress.api.conversations.turn_filter import replayed
from ingress.problems import Problem


def _text(number: int, at: int, text: str) -> TextEvent:
    return TextEvent(turn="t", message=f"t.{number}", at=at, text=text)


def _done(status: str = "completed") -> DoneEvent:
    return DoneEvent(turn="t", events=("t",), status=status, message="", messages=())


def _events(*events: StreamEvent) -> AsyncGenerator[StoredEvent, None]:
    return replayed([StoredEvent("1-1", *encode_event(event)) for event in events])


async def test_messages_are_put_together_with_an_empty_line_between_them() -> None:
    turn = TurnEvent(turn="t", events=("t",), messages=())
    answer = TextStream(_events(turn, _text(0, 0, "a"), _text(0, 1, "ü"), _text(1, 0, "c"), _text(1, 1, ""), _done()))
    assert [piece async for piece in answer.pieces] == ["a", "ü", "\n\nc"]
    assert answer.end is not None
    assert answer.end.status == "completed"


async def test_what_was_waited_for_at_the_beginning_is_not_lost() -> None:
    async with TextStream(_events(_text(0, 0, "a"), _text(0, 1, "b"), _done())).begun(5) as answer:
        assert [piece async for piece in answer.pieces] == ["a", "b"]


async def test_what_begins_late_is_not_lost() -> None:
    begun, closed = asyncio.Event(), asyncio.Event()

    async def late() -> AsyncGenerator[StoredEvent, None]:
        try:
            await begun.wait()
            async for event in _events(_text(0, 0, "a"), _text(0, 1, "b"), _done()):
                yield event
        finally:
            closed.set()

    async with TextStream(late()).begun(0) as answer:
        begun.set()
        assert [piece async for piece in answer.pieces] == ["a", "b"]
    assert closed.is_set()


@pytest.mark.parametrize("started", [False, True])
async def test_what_never_begins_is_closed(started: bool) -> None:
    closed = asyncio.Event()

    async def silent() -> AsyncGenerator[StoredEvent, None]:
        try:
            await asyncio.Event().wait()
            yield StoredEvent("", "", b"")
        finally:
            closed.set()

    async with TextStream(silent()).begun(0.001) as answer, aclosing(answer.pieces):
        if started:
            reading = asyncio.create_task(anext(answer.pieces))
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    assert closed.is_set()


async def test_an_answer_that_begins_anew_in_other_words_is_refused() -> None:
    answer = TextStream(_events(_text(0, 0, "abc"), _text(0, 1, "xyz"), _done()))
    assert await anext(answer.pieces) == "abc"
    with pytest.raises(Problem) as refused:
        await anext(answer.pieces)
    assert (refused.value.status, refused.value.code) == (502, "began-anew")


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (_done("dropped"), (409, "busy")),
        (_done("ignored"), (409, "no-chat")),
        (ErrorEvent(turn="t", events=("t",), reason="why", code="unreachable"), (502, "turn-failed")),
        (ErrorEvent(turn="t", events=("t",), reason="why", code="timeout"), (504, "turn-timeout")),
    ],
)
async def test_what_is_not_answered_is_refused_at_once(last: StreamEvent, expected: tuple[int, str]) -> None:
    with pytest.raises(Problem) as refused:
        async with TextStream(_events(last)).begun(5):
            pass
    assert (refused.value.status, refused.value.code) == expected
