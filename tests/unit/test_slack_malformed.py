"""Slack's requests that are not as documented are malformed, whatever is in them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import MalformedBody
from answerback.platforms import Delivery, slack
from answerback.platforms.written_down import body_of
from tests.fixtures.deliveries import content, load, names, parsed
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


BODIES = {name: (load("slack", name).headers, content("slack", name)) for name in names("slack")}


@given(st.sampled_from(sorted(BODIES)), st.integers(0, 2**32))
def test_a_mutated_delivery_is_understood_or_malformed(name: str, seed: int) -> None:
    headers, body = BODIES[name]
    changed = mutated(body, seed)
    understood(slack, headers, body_of(headers, changed))


FORM = {"content-type": "application/x-www-form-urlencoded"}


@given(st.binary() | st.dictionaries(st.sampled_from(["payload", "command", "team_id", "x"]), st.text(max_size=9)))
def test_arbitrary_forms_are_understood_or_malformed(form: Any) -> None:
    understood(slack, FORM, form if isinstance(form, bytes) else body_of(FORM, form))


@given(st.sampled_from(["block_actions", "view_submission", "shortcut", "message_action", "x"]), JSON)
def test_arbitrary_interactions_are_understood_or_malformed(kind: str, more: Any) -> None:
    payload = {"type": kind, "trigger_id": "1.2.a", "team": {"id": "T1"}, "user": {"id": "U1"}}
    understood(slack, FORM, body_of(FORM, {"payload": more}))
    for name in ("actions", "view", "message", "state", "container", "channel", "user"):
        understood(slack, FORM, body_of(FORM, {"payload": {**payload, name: more}}))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("command", {"team_id": ""}),
        ("command", {"trigger_id": "a:b"}),
        ("command", {"user_id": "U 1"}),
        ("command", {"channel_id": ""}),
        ("block_actions.button", {"payload__trigger_id": None}),
        ("block_actions.button", {"payload__user": None}),
        ("block_actions.button", {"payload__team": None, "payload__user": {"id": "U1"}}),
        ("block_actions.button", {"payload__actions": [{"type": "button"}]}),
        ("reaction_added", {"event__user": None}),
        ("agent_session_stopped", {"event__thread_ts": None}),
        ("app_uninstalled", {"authorizations": None, "team_id": None, "context_team_id": None}),
    ],
)
def test_what_happened_must_say_where_and_who(name: str, changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedBody):
        parse(name, **changes)


@given(st.binary() | JSON)
def test_arbitrary_events_are_understood_or_malformed(event: Any) -> None:
    understood(slack, {}, event)
    if not isinstance(event, bytes):
        understood(slack, {}, {"type": "event_callback", "team_id": "T1", "event": event})
