"""Twilio's requests that are not as documented are malformed, whatever is in them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import MalformedBody
from answerback.platforms import Delivery, twilio
from answerback.platforms.twilio.form import FORM
from answerback.platforms.written_down import body_of
from tests.fixtures.deliveries import content, load, names, parsed
from tests.fixtures.hostile import MALFORMED, RUBBISH, TEXT, mutated, understood

HEADERS = {"content-type": FORM}


@pytest.mark.parametrize(
    "changes",
    [
        {"MessageSid": "", "SmsSid": "", "SmsMessageSid": ""},
        {"MessageSid": "SM1", "SmsSid": "x", "SmsMessageSid": "SM:2"},
        {"AccountSid": ""},
        {"AccountSid": "AC:1"},
        {"From": ""},
        {"From": "+1 415"},
        {"To": "x" * 300},
        {"To": "a\nb"},
    ],
)
def test_a_message_must_say_whose_it_is(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedBody):
        parsed(twilio, "message", **changes)


@pytest.mark.parametrize("body", [*MALFORMED, *RUBBISH, b"a=1&" * 5000, b"%ff=%ff", b"MessageSid"])
def test_hostile_bodies_are_malformed(body: bytes) -> None:
    understood(twilio, HEADERS, body)
    understood(twilio, {"content-type": "application/json"}, body)


BODIES = {name: content("twilio", name) for name in names("twilio")}


@given(st.sampled_from(sorted(BODIES)), st.integers(0, 2**32))
def test_a_mutated_delivery_is_understood_or_malformed(name: str, seed: int) -> None:
    understood(twilio, load("twilio", name).headers, body_of(HEADERS, mutated(BODIES[name], seed)))


_FIELDS = sorted({field for body in BODIES.values() for field in body})


@given(st.dictionaries(st.sampled_from(_FIELDS), st.text(max_size=9), max_size=6), TEXT)
def test_arbitrary_forms_and_queries_are_understood_or_malformed(more: dict[str, str], query: str) -> None:
    body = body_of(HEADERS, {**BODIES["message"], **more})
    for delivery in (Delivery(HEADERS, body, query=query), Delivery({}, b"", "GET", query=query + body.decode())):
        try:
            msgspec.msgpack.encode(twilio.parse(delivery))
        except MalformedBody:
            continue
