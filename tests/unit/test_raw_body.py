"""The raw body of a webhook, kept with its event."""

from __future__ import annotations

import json
import os
from unittest.mock import Mock
from urllib.parse import urlencode

import pytest

from answerback.accepting.raw_payloads import RawPayloads
from answerback.codec import encode
from answerback.events import Amendment, Entry, Event
from answerback.messages import Author
from answerback.raw_body import LARGEST, with_raw
from answerback.store.decode import decode_entry

EVENT = Event(delivery="github:1", thread="github:1:2", kind="issues", text="x", author=Author("1"))
PAYLOAD = {"issue": {"labels": [{"name": "bug"}]}}


def _kept(body: bytes) -> object:
    [event] = with_raw([EVENT], body)
    assert isinstance(event, Event)
    return decode_entry(encode(Entry(event))).event.raw


@pytest.mark.parametrize(
    ("body", "raw"),
    [
        (json.dumps(PAYLOAD).encode(), PAYLOAD),
        (urlencode({"payload": json.dumps(PAYLOAD)}).encode(), PAYLOAD),
        (b"command=%2Fask&text=why%3F&token=", {"command": "/ask", "text": "why?", "token": ""}),
        (b"\xef\xbb\xbf[1]", [1]),
    ],
)
def test_a_body_is_read_back_as_data(body: bytes, raw: object) -> None:
    assert _kept(body) == raw


def test_a_large_body_is_not_kept_and_a_kept_one_is_compressed() -> None:
    assert _kept(b'"%s"' % os.urandom(LARGEST).hex().encode()) is None
    [event] = with_raw([EVENT], json.dumps(PAYLOAD | {"x": "y" * 8000}).encode())
    assert isinstance(event, Event)
    assert len(event.raw_body) < 200


def test_an_edit_that_may_become_an_event_keeps_it_there() -> None:
    plain = Amendment(delivery="d", thread="t", message="m", text="new")
    adding = Amendment(delivery="d", thread="t", message="m", text="new", event=EVENT)
    [first, second] = with_raw([plain, adding], b"{}")
    assert first == plain
    assert isinstance(second, Amendment)
    assert second.event is not None
    assert second.event.raw == {}


def test_while_no_agent_asks_nothing_is_kept() -> None:
    raw = RawPayloads(Mock())
    events = [EVENT]
    assert raw.add("github", events, b"{}") is events
    raw.platforms = frozenset({"slack"})
    assert raw.add("github", events, b"{}") is events
    assert EVENT.raw is None
