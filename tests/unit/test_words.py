"""An answer for those who can only add to what they have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from answerback.store.stream.stored_events import StoredEvent, stream_event
from ingress.api.conversations.text_stream import TextStream
from ingress.api.conversations.turn_filter import RecordedEvents
from ingress.problems import Problem


def _deltas(*said: tuple[Any, ...]) -> AsyncIterator[StoredEvent]:
    """("0", at, text) is a piece of message 0; (kind, fields) anything else."""
    found = []
    for one in said:
        kind, fields = one if len(one) == 2 else ("text", {"message": f"t.{one[0]}", "at": one[1], "text": one[2]})
        found.append(StoredEvent("1-1", *stream_event(kind, "t", **fields)))
    return RecordedEvents(found)


DONE = ("done", {"events": ["t"], "status": "completed", "messages": [], "usage": None})


async def test_messages_are_put_together_with_an_empty_line_between_them() -> None:
    words = TextStream(
        _deltas(("turn", {"events": ["t"]}), ("0", 0, "a"), ("0", 1, "ü"), ("1", 0, "c"), ("1", 1, ""), DONE)
    )
    assert [word async for word in words] == ["a", "ü", "\n\nc"]
    assert words.end is not None
    assert words.end.status == "completed"


async def test_what_was_waited_for_at_the_beginning_is_not_lost() -> None:
    words = TextStream(_deltas(("0", 0, "a"), ("0", 1, "b"), DONE))
    await words.begin(5)
    assert [word async for word in words] == ["a", "b"]


async def test_an_answer_that_begins_anew_in_other_words_is_refused() -> None:
    words = TextStream(_deltas(("0", 0, "abc"), ("0", 1, "xyz"), DONE))
    assert await anext(words) == "abc"
    with pytest.raises(Problem) as refused:
        await anext(words)
    assert (refused.value.status, refused.value.code) == (502, "began-anew")


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (("done", {"events": ["t"], "status": "dropped"}), (409, "busy")),
        (("done", {"events": ["t"], "status": "ignored"}), (409, "no-chat")),
        (("error", {"events": ["t"], "reason": "why", "code": "unreachable"}), (502, "turn-failed")),
        (("error", {"events": ["t"], "reason": "why", "code": "timeout"}), (504, "turn-timeout")),
    ],
)
async def test_what_is_not_answered_is_refused_at_once(last: tuple[Any, ...], expected: tuple[int, str]) -> None:
    with pytest.raises(Problem) as refused:
        await TextStream(_deltas(last)).begin(5)
    assert (refused.value.status, refused.value.code) == expected
