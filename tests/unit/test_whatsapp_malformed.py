"""WhatsApp's requests that are not as documented are malformed, whatever is in them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import MalformedBody
from answerback.platforms import Delivery, Refusal, whatsapp
from answerback.settings import Settings
from tests.fixtures.deliveries import content, encode, names
from tests.fixtures.hostile import JSON, MALFORMED, TEXT, mutated, understood

BODIES = {name: content("whatsapp", name) for name in names("whatsapp")}


@pytest.mark.parametrize("body", [*MALFORMED, b'{"object":"whatsapp_business_account","entry":' + b"[" * 50_000])
def test_hostile_json_is_malformed_or_not_an_account(body: bytes) -> None:
    try:
        found = whatsapp.parse(Delivery({}, body))
    except MalformedBody:
        return
    assert not isinstance(found, list)


@pytest.mark.parametrize("entry", [None, [], 7, [None], [{"changes": [7]}], [{"changes": [{"field": "messages"}]}]])
def test_a_body_that_reports_nothing_is_malformed(entry: Any) -> None:
    with pytest.raises(MalformedBody):
        whatsapp.parse(Delivery({}, encode({"object": "whatsapp_business_account", "entry": entry})))


@given(st.sampled_from(sorted(BODIES)), st.integers(0, 2**32))
def test_a_mutated_delivery_is_understood_or_malformed(name: str, seed: int) -> None:
    # What is below a list is out of reach of `mutated`.
    change = BODIES[name]["entry"][0]["changes"][0]
    value = mutated(change["value"], seed)
    for items in ("messages", "statuses", "message_echoes", "user_id_update", "contacts"):
        if isinstance(value.get(items), list) and value[items] and isinstance(value[items][0], dict):
            value[items] = [mutated(value[items][0], seed + 1), *value[items][1:]]
    understood(whatsapp, {}, {**BODIES[name], "entry": [{"changes": [{**change, "value": value}]}]})


@given(st.sampled_from(["messages", "statuses", "message_echoes", "contacts", "errors"]), JSON)
def test_arbitrary_items_are_understood_or_malformed(items: str, more: Any) -> None:
    field = "smb_message_echoes" if items == "message_echoes" else "messages"
    for what in (more, [more], [{"id": "wamid.1", "from": "1", "to": "1", "type": "text", "text": more}]):
        value = {"metadata": {"phone_number_id": "1"}, items: what}
        change = {"field": field, "value": value}
        understood(whatsapp, {}, {"object": "whatsapp_business_account", "entry": [{"changes": [change]}]})


@given(TEXT, st.binary(max_size=80))
def test_hostile_signatures_and_queries_are_refused(text: str, body: bytes) -> None:
    delivery = Delivery({"x-hub-signature-256": text}, body, "GET", "/", text)
    assert whatsapp.verify(["secret"], delivery, 0.0) is not None
    assert whatsapp.HANDSHAKE
    told = whatsapp.HANDSHAKE(Settings.load({"WHATSAPP_VERIFY_TOKEN": "t" * 20}), delivery)
    assert isinstance(told, Refusal)
