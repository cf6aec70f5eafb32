from __future__ import annotations

import json
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import MalformedBody
from answerback.events import Amendment, Event
from answerback.messages import Author
from answerback.platforms import Delivery, Ignored, standard
from answerback.platforms.registry import PLATFORMS
from tests.fixtures.deliveries import encode, load, names, parsed, signed
from tests.fixtures.hostile import JSON, MALFORMED, TEXT, mutated, understood

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1_614_265_330.0


parse = partial(parsed, standard)


def parse_body(body: Any, headers: dict[str, str] | None = None) -> Any:
    parsed = standard.parse(
        Delivery(headers or {"webhook-id": "msg_1", "webhook-timestamp": "1740823200"}, encode(body))
    )
    return parsed[0] if isinstance(parsed, list) else parsed


def test_standard_is_in_the_registry() -> None:
    assert PLATFORMS["standard"].parse is standard.parse
    assert (standard.NAME, standard.SECRET) == ("standard", "STANDARD_WEBHOOKS_SECRET")


# Meaning


def test_a_message_becomes_an_event() -> None:
    event = parse("message.created")
    assert event == Event(
        delivery="standard:msg_2tKq8HbW01ZrXc4VnLdPfQ",
        thread="standard:ticket-4711",
        kind="message.created",
        text="How do I print a frame, @answerback?",
        author=Author("u-381", "Ada Marsh"),
        message="comment-9",
        channel="support",
        mentions=("answerback",),
        identities=("user:u-381",),
        address={"thread": "ticket-4711", "message": "comment-9"},
        title="Printing",
        url="https://help.example.com/tickets/4711#comment-9",
        at=1_740_823_200_250,
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=Event) == event


def test_two_fields_at_the_top_are_enough() -> None:
    event = parse("message.created.flat")
    assert (event.thread, event.text, event.author) == ("standard:room 12", "hello", Author(""))
    assert event.message == "msg_2tKq8HbW02ZrXc4VnLdPfQ"
    assert event.identities == ()
    assert event.at == 1_740_823_200_000


def test_without_a_thread_it_is_one_of_its_own() -> None:
    event = parse("message.created.svix")
    assert event.thread == "standard:msg_2tKq8HbW03ZrXc4VnLdPfQ"
    assert event.delivery == event.thread
    assert event.direct
    assert event.author.id == "17"
    edit = parse_body({"type": "message.edited", "data": {"message": event.message, "text": "new"}})
    assert (edit.thread, edit.message) == (event.thread, event.message)


def test_ids_may_be_numbers() -> None:
    event = parse_body({"thread": 12, "message": 7, "text": "hi", "author": {"id": 3}})
    assert (event.thread, event.message, event.author.id) == ("standard:12", "7", "3")


@pytest.mark.parametrize(("said", "kind"), [("bot", "bot"), ("app", "app"), ("robot", "person"), (None, "person")])
def test_an_author_says_whether_it_is_a_program(said: str | None, kind: str) -> None:
    assert parse_body({"text": "hi", "author": {"id": "u1", "kind": said}}).author.kind == kind
    assert parse_body({"text": "hi", "author": "u1"}).author.kind == "person"


def test_an_id_may_be_a_number_of_any_size() -> None:
    assert parse("message.created.big_id").thread == "standard:9223372036854788153"
    event = parse_body({"thread": 2**64, "message": -(2**70), "text": "hi", "author": {"id": 2**100}})
    assert (event.thread, event.message) == (f"standard:{2**64}", str(-(2**70)))
    assert event.identities == (f"user:{2**100}",)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=Event) == event


@pytest.mark.parametrize(
    "fields",
    [
        {"title": 5, "url": None, "channel": ["support"], "author": {"id": "u-381", "name": 7, "kind": {}}},
        {"timestamp": {"at": 5}, "extra": None, "author": {"id": "u-381", "name": None}},
        {"author": None, "title": None, "channel": None, "mentions": None, "direct": None},
    ],
)
def test_a_field_that_nobody_needs_refuses_no_message(fields: dict[str, Any]) -> None:
    event = parse("message.created", data={**json.loads(load("standard", "message.created").body)["data"], **fields})
    assert (event.thread, event.text) == ("standard:ticket-4711", "How do I print a frame, @answerback?")


def test_a_message_may_say_what_it_is_about() -> None:
    subject = {"kind": "ticket", "title": "Printing", "body": "b" * 9_999, "line": -1, "path": 5}
    event = parse_body({"text": "hi", "subject": subject})
    assert (event.subject.kind, event.subject.title, event.subject.line, event.subject.path) == (
        "ticket", "Printing", 0, "",
    )  # fmt: skip
    assert len(event.subject.body) == 4_000
    assert parse_body({"text": "hi", "subject": "printing"}).subject is None


def test_what_stands_beside_the_data_is_not_the_message() -> None:
    event = parse("message.created", message={"not": "ours"}, thread=[], text=5, author=True, timestamp=[])
    assert (event.thread, event.message) == ("standard:ticket-4711", "comment-9")
    assert parse_body({"text": "hi", "thread": "t", "data": "no object"}).thread == "standard:t"


def test_a_byte_order_mark_is_passed_over() -> None:
    assert standard.parse(Delivery({"webhook-id": "m"}, b'\xef\xbb\xbf{"text":"hi"}')) == standard.parse(
        Delivery({"webhook-id": "m"}, b'{"text":"hi"}')
    )


def test_a_long_thread_id_is_hashed_and_comes_back_whole() -> None:
    event = parse_body({"thread": "t" * 2000, "text": "hi"})
    assert len(event.thread) == len("standard:sha256:") + 64
    assert event.address["thread"] == "t" * 2000


def test_an_edit_and_a_deletion_amend() -> None:
    created, edited, deleted = parse("message.created"), parse("message.edited"), parse("message.deleted")
    assert isinstance(edited, Amendment)
    assert isinstance(deleted, Amendment)
    assert {(each.thread, each.message) for each in (created, edited, deleted)} == {
        ("standard:ticket-4711", "comment-9")
    }
    assert (edited.text, deleted.text) == ("How do I print two frames?", None)


def test_another_type_is_ignored_whatever_its_data() -> None:
    assert parse("invoice.paid") == Ignored("invoice.paid is not a message")
    assert isinstance(parse("invoice.paid", type="é\n"), Ignored)
    assert isinstance(parse("message.created", data__text="  "), Ignored)


@pytest.mark.parametrize(
    "said", [None, 5, 10**300, 1e300, "yesterday", "2025-03-01T10:00:00", "9999-12-31T23:59:59-23:59"]
)
def test_a_time_that_cannot_be_read_is_no_reason_to_refuse_a_message(said: Any) -> None:
    assert isinstance(parse("message.created", timestamp=said).at, int)


# Malformed bodies


@pytest.mark.parametrize(
    "body",
    [
        {"test": 2432232314},
        {"thread": "t"},
        {"thread": "t", "text": None},
        {"thread": "a\nb", "text": "x"},
        {"thread": "a\u2028b", "text": "x"},
        {"thread": "t" * 3000, "text": "x"},
        {"thread": True, "text": "x"},
        {"thread": 10**3000, "text": "x"},
        {"message": -(10**300), "text": "x"},
        {"thread": "t", "text": "x", "author": {"id": "a\x00"}},
        {"thread": "t", "text": "x", "mentions": "a"},
        {"type": 5, "text": "x"},
        {"type": "message.edited", "data": {"thread": "t", "text": "x"}},
        {"type": "message.edited", "data": {"thread": "t", "message": "m"}},
        {"type": "message.deleted", "data": {"thread": "t"}},
        {"data": []},
    ],
)
def test_a_body_that_is_not_as_documented_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedBody):
        parse_body(body)


@pytest.mark.parametrize("body", [*MALFORMED, b'{"text":"x","thread":%b}' % (b"9" * 4400)])
def test_hostile_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        standard.parse(Delivery({"webhook-id": "msg_1"}, body))


def test_what_is_signed_and_verified_is_what_is_parsed() -> None:
    for name in names("standard"):
        delivery = signed("standard", load("standard", name), SECRET, NOW)
        assert standard.verify([SECRET], delivery, NOW) is None
    with pytest.raises(MalformedBody, match="webhook-id"):
        standard.parse(Delivery({}, b'{"text":"x"}'))


BODIES = {name: (load("standard", name).headers, json.loads(load("standard", name).body)) for name in names("standard")}


@given(st.sampled_from(sorted(BODIES)), st.integers(0, 2**32))
def test_a_mutated_delivery_is_understood_or_malformed(name: str, seed: int) -> None:
    headers, body = BODIES[name]
    understood(standard, headers, mutated(body, seed))


@given(st.binary() | JSON)
def test_arbitrary_bodies_are_understood_or_malformed(body: Any) -> None:
    understood(standard, {"webhook-id": "m"}, body)
    if not isinstance(body, bytes):
        understood(standard, {"webhook-id": "m"}, {"data": body})


@given(st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "svix-id"]), TEXT))
def test_arbitrary_headers_are_understood_or_malformed(headers: dict[str, str]) -> None:
    understood(standard, headers, {"text": "x"})


def test_an_author_without_an_id_keeps_the_rest() -> None:
    event = parse("message.created.flat", author={"id": None, "name": "Relay", "kind": "bot"})
    assert event.author == Author("", "Relay", "bot")


def test_an_edit_of_what_was_only_overheard_may_have_added_a_mention() -> None:
    edit = {"type": "message.edited", "thread": "t", "message": "m", "text": "@us look", "author": "u1"}
    overheard = parse_body({**edit, "mentions": ["Us"], "direct": False})
    assert overheard.event is not None
    assert (overheard.event.mentions, overheard.event.edited, overheard.event.direct) == (("us",), "mention", False)
    assert overheard.event.delivery == parse_body({**edit, "mentions": ["us"], "direct": False}).event.delivery
    assert parse_body({**edit, "mentions": ["us"]}).event is None  # it was said to us, and heard, before
    assert parse_body({**edit, "timestamp": "2025-03-01T12:00:00Z"}).at == 1_740_830_400_000
