"""Socket Mode's rules: each frame, and what is sent back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import MalformedBody, Rejected
from answerback.events import Event
from answerback.platforms import Answer
from answerback.platforms.reading import Received
from answerback.platforms.slack import parse
from answerback.platforms.slack.socket import SocketReader
from tests.fixtures.exchanges import answer, run

READER = SocketReader("xapp-1-secret", "https://slack.test")
MESSAGE = {
    "type": "event_callback",
    "team_id": "T1",
    "event": {"type": "message", "channel": "C1", "ts": "1.2", "user": "U1", "text": "héllo & goodbye"},
}


def envelope(type: str, payload: object, *, answers: bool = False) -> str:
    told = {"type": type, "envelope_id": "e-1", "payload": payload, "accepts_response_payload": answers}
    return json.dumps(told, ensure_ascii=False)


def test_a_connection_is_asked_for_with_the_app_token() -> None:
    done = run(READER.connect(""), answer({"ok": True, "url": "wss://slack.test/link?ticket=1"}))
    assert done.value == "wss://slack.test/link?ticket=1"
    [request] = done.requests
    assert (request.url, request.headers["authorization"]) == (
        "https://slack.test/apps.connections.open",
        "Bearer xapp-1-secret",
    )
    with pytest.raises(Rejected, match="SLACK_APP_TOKEN: not_allowed_token_type"):
        run(READER.connect(""), answer({"ok": False, "error": "not_allowed_token_type"}))


def test_an_event_is_what_its_webhook_would_be() -> None:
    received = READER.receive(envelope("events_api", MESSAGE))
    assert received.delivery
    [event] = parse(received.delivery)  # type: ignore[misc]
    assert isinstance(event, Event)
    assert (event.delivery, event.text) == ("slack:T1:C1:1.2", "héllo & goodbye")
    # An event takes no payload in its acknowledgement.
    assert READER.acknowledge(received, Answer(b'{"a":1}')) == ['{"envelope_id":"e-1"}']


def test_commands_and_interactions_are_forms() -> None:
    command = {"command": "/deploy", "text": "a&b=c é", "team_id": "T1", "is_enterprise_install": False, "x": None}
    received = READER.receive(envelope("slash_commands", command, answers=True))
    assert received.delivery
    assert received.delivery.headers["content-type"] == "application/x-www-form-urlencoded"
    assert b"text=a%26b%3Dc+%C3%A9" in received.delivery.body
    assert b"is_enterprise_install=false" in received.delivery.body
    assert READER.acknowledge(received, Answer(b'{"text":"ok"}')) == ['{"envelope_id":"e-1","payload":{"text":"ok"}}']
    assert READER.acknowledge(received, Answer(b"ok", "text/plain")) == ['{"envelope_id":"e-1"}']
    assert READER.acknowledge(received, None) == ['{"envelope_id":"e-1"}']
    pressed = READER.receive(envelope("interactive", {"type": "block_actions", "team": {"id": "T1"}}))
    assert pressed.delivery
    assert pressed.delivery.body.startswith(b"payload=%7B%22type%22")


@pytest.mark.parametrize(
    ("frame", "means"),
    [
        ('{"type":"hello","num_connections":1}', Received(ready=True)),
        ('{"type":"disconnect","reason":"warning"}', Received(leave="warning")),
        ('{"type":"disconnect","reason":"refresh_requested"}', Received(leave="refresh_requested")),
        ('{"type":"disconnect","reason":"link_disabled"}', Received(leave="link_disabled", off=True)),
        ('{"type":"disconnect"}', Received(leave="without a reason")),
        ('{"type":"something new"}', Received()),
        ("not JSON", Received()),
        ("[]", Received()),
        ("[" * 100_000, Received()),
    ],
)
def test_other_frames(frame: str, means: Received) -> None:
    assert READER.receive(frame) == means


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(["events_api", "interactive", "slash_commands", "hello", "disconnect", "x"]),
    _PLAIN,
    st.dictionaries(st.sampled_from(["envelope_id", "reason", "accepts_response_payload"]), _PLAIN),
)
def test_no_frame_raises(type: str, payload: object, more: dict[str, object]) -> None:
    received = READER.receive(json.dumps({"type": type, "envelope_id": "e", "payload": payload, **more}))
    if received.delivery is not None:
        try:
            parse(received.delivery)
        except MalformedBody:
            pass
        assert all(isinstance(json.loads(frame), dict) for frame in READER.acknowledge(received, None))
