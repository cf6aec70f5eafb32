"""Slack's requests that are not as documented are malformed, whatever is in them."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import MalformedBody
from answerback.platforms import Delivery, slack
from tests.fixtures.deliveries import load, names, parsed
from tests.fixtures.hostile import JSON, MALFORMED, mutated, understood

parse = partial(parsed, slack)


@pytest.mark.parametrize(
    "changes",
    [
        {"event": None},
        {"event": []},
        {"event__channel": None},
        {"event__channel": "C1:C2"},
        {"event__channel": {"id": "C1"}},
        {"event__ts": None},
        {"event__ts": "1740823201"},
        {"event__ts": "١.٢"},
        {"event__thread_ts": "x"},
        {"event__text": 1},
    ],
)
def test_a_body_that_is_not_as_documented_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedBody):
        parse("message", **changes)


@pytest.mark.parametrize("body", [*MALFORMED, b'{"type":"event_callback","event":' + b'{"message":' * 50_000])
def test_hostile_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        slack.parse(Delivery({}, body))


@pytest.mark.parametrize("name", ["message_changed", "message_deleted"])
def test_an_amendment_must_say_of_what(name: str) -> None:
    with pytest.raises(MalformedBody):
        parse(name, event__message=None, event__previous_message=None, event__deleted_ts=None)


BODIES = {name: (load("slack", name).headers, json.loads(load("slack", name).body)) for name in names("slack")}


@given(st.sampled_from(sorted(BODIES)), st.integers(0, 2**32))
def test_a_mutated_delivery_is_understood_or_malformed(name: str, seed: int) -> None:
    headers, body = BODIES[name]
    understood(slack, headers, mutated(body, seed))


@given(st.binary() | JSON)
def test_arbitrary_events_are_understood_or_malformed(event: Any) -> None:
    understood(slack, {}, event)
    if not isinstance(event, bytes):
        understood(slack, {}, {"type": "event_callback", "team_id": "T1", "event": event})
