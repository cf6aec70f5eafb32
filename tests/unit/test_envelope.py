"""Stream events as envelopes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from answerback.store.stream.events import KINDS
from ingress.api.envelope import envelope
from ingress.api.sse import enveloped


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (
            "accepted",
            {"thread": "th_1", "dispatch_id": "a", "id": "a", "status": "accepted", "after": "0"},
            {"thread": "th_1", "dispatch_id": "a", "message_id": "a", "status": "accepted", "after": "0"},
        ),
        (
            "text",
            {"turn": "a", "message": "a.0", "at": 3, "text": "lo"},
            {"turn_id": "a", "message_id": "a.0", "at": 3, "delta": "lo"},
        ),
        (
            "tool_call",
            {"turn": "a", "id": "c", "name": "find", "args": {"q": 1}},
            {"turn_id": "a", "tool_call": {"id": "c", "name": "find", "args": {"q": 1}}},
        ),
        (
            "tool_result",
            {"turn": "a", "id": "c", "name": "find", "result": [], "outcome": "done"},
            {"turn_id": "a", "tool_call": {"id": "c", "name": "find", "result": [], "outcome": "done"}},
        ),
        (
            "retry",
            {"turn": "a", "reason": "it failed", "code": "timeout", "seconds": 1.5},
            {"turn_id": "a", "error": {"code": "timeout", "reason": "it failed"}, "seconds": 1.5},
        ),
        (
            "done",
            {"turn": "a", "events": ["a"], "status": "completed", "message": "a.0", "messages": ["a.0"]},
            {"turn_id": "a", "events": ["a"], "status": "completed", "message_id": "a.0", "messages": ["a.0"]},
        ),
        ("forgotten", {"reason": "too old"}, {"error": {"reason": "too old"}}),
    ],
)
def test_an_event_has_its_fields_under_the_names_of_the_envelope(
    kind: str, data: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert json.loads(envelope(kind, json.dumps(data).encode())) == {"type": kind, **expected}


@pytest.mark.parametrize("kind", [*KINDS, "a kind of later"])
def test_no_value_of_an_event_is_lost_or_changed(kind: str) -> None:
    values = {"turn": "v0", "args": {"n": 2**70, "f": 0.1}, "reason": "v1", "id": "v2", "new": ["v3"], "text": "v4"}
    text = envelope(kind, json.dumps(values).encode()).decode()
    assert str(2**70) in text
    assert all(f"v{n}" in text for n in range(5))
    assert json.loads(text)["type"] == kind


def test_an_envelope_is_an_sse_event_without_a_name() -> None:
    data = '{"turn":"a","message":"a.0","at":0,"text":"\u2028"}'.encode()
    expected = b'id: 1-0\ndata: {"type":"text","turn_id":"a","message_id":"a.0","at":0,"delta":"\\u2028"}\n\n'
    assert enveloped("text", data, "1-0") == expected
