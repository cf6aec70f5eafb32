"""Stream events: their JSON, which is stored and sent, and their description."""

from __future__ import annotations

from typing import get_args
from unittest.mock import Mock

import msgspec
import pytest

from answerback.messages import Author, Document, TurnEnd, Usage
from answerback.outgoing import Button, Select
from answerback.store.stream.events import (
    KINDS,
    ActionsEvent,
    DoneEvent,
    DoneStatus,
    ErrorEvent,
    GoneEvent,
    ProgressEvent,
    ReplyEvent,
    RetrievalEvent,
    RetryEvent,
    StreamAction,
    StreamEvent,
    TextEvent,
    ToolCallEvent,
    ToolResultEvent,
    TurnEvent,
    TurnMessage,
    UnknownEvent,
    decode_event,
    encode_event,
)
from answerback.store.threads.archives import GONE
from ingress.api.auth.audience import PUBLIC_TOOLS, VISITORS
from ingress.api.docs import openapi
from ingress.api.docs.page import page
from ingress.api.docs.stream_events import STREAMED, schemas
from ingress.api.routes.routes import routes

EVENTS: list[tuple[StreamEvent, str]] = [
    (
        TurnEvent(
            turn="t",
            attempt=1,
            agent="a",
            events=("t",),
            messages=(TurnMessage(id="t", text="hi", author=Author("u")),),
        ),
        '{"turn":"t","attempt":1,"agent":"a","events":["t"],"messages":[{"id":"t","text":"hi","author":{"id":"u"}}]}',
    ),
    (TextEvent(turn="t", message="t.0", at=2, text="ü"), '{"turn":"t","message":"t.0","at":2,"text":"ü"}'),
    (ToolCallEvent(turn="t", id="c", name="n", args={"q": 1}), '{"turn":"t","id":"c","name":"n","args":{"q":1}}'),
    (
        ToolCallEvent(turn="t", id="c", name="n", args=None, public=True),
        '{"turn":"t","id":"c","name":"n","args":null,"public":true}',
    ),
    (
        ToolResultEvent(turn="t", id="c", name="n", result=[1], outcome="done"),
        '{"turn":"t","id":"c","name":"n","result":[1],"outcome":"done"}',
    ),
    (
        RetrievalEvent(turn="t", id="t.r0", query="q", documents=(Document("a.md", "x", 1.5),)),
        '{"turn":"t","id":"t.r0","query":"q","documents":[{"source":"a.md","text":"x","score":1.5}]}',
    ),
    (ProgressEvent(turn="t", text="Searching…"), '{"turn":"t","text":"Searching…"}'),
    (
        ActionsEvent(
            turn="t",
            message="t.0",
            actions=(
                StreamAction.of(Button("Yes", "1", "yes", style="primary")),
                StreamAction.of(Select("size", (("S", "s"),))),
            ),
        ),
        (
            '{"turn":"t","message":"t.0","actions":[{"type":"button","name":"yes","label":"Yes","value":"1",'
            '"style":"primary","url":null,"options":[]},{"type":"select","name":"size","label":"","value":"",'
            '"style":"","url":null,"options":[{"label":"S","value":"s"}]}]}'
        ),
    ),
    (
        ReplyEvent(turn="t", message="t.0", state="sent", url=""),
        '{"turn":"t","message":"t.0","state":"sent","url":""}',
    ),
    (
        RetryEvent(turn="t", reason="r", code="agent_failed", attempt=1, seconds=0.5),
        '{"turn":"t","reason":"r","code":"agent_failed","attempt":1,"seconds":0.5}',
    ),
    (
        DoneEvent(turn="t", events=("t",), status="dropped", message="", messages=(), usage=None),
        '{"turn":"t","events":["t"],"status":"dropped","message":"","messages":[],"usage":null,"reason":""}',
    ),
    (
        DoneEvent(
            turn="t", events=("t",), status="completed", message="t.0", messages=("t.0",), usage=Usage(requests=1)
        ),
        '{"turn":"t","events":["t"],"status":"completed","message":"t.0","messages":["t.0"],"usage":{"requests":1},"reason":""}',
    ),
    (
        ErrorEvent(turn="t", events=("t",), reason="r", code="limit"),
        '{"turn":"t","events":["t"],"reason":"r","code":"limit"}',
    ),
    (GoneEvent(turn="", reason="the thread was deleted"), '{"turn":"","reason":"the thread was deleted"}'),
]


@pytest.mark.parametrize(("event", "json"), EVENTS)
def test_an_event_is_stored_as_documented_and_read_back(event: StreamEvent, json: str) -> None:
    assert encode_event(event) == (event.kind, json.encode())
    assert decode_event(event.kind, json.encode()) == event


def test_a_button_opens_pages_of_the_web_only() -> None:
    urls = ("https://example.com/a", "HTTP://example.com", "javascript:alert(1)", "data:text/html,x", "")
    assert [StreamAction.of(Button("Open", url=url)).url for url in urls] == [*urls[:2], None, None, None]


def test_every_kind_is_tested() -> None:
    assert {event.kind for event, _ in EVENTS} == set(KINDS)


@pytest.mark.parametrize(("event", "json"), EVENTS)
def test_fields_of_a_later_version_are_ignored(event: StreamEvent, json: str) -> None:
    assert decode_event(event.kind, json.replace('{"turn"', '{"later":[{"x":1}],"turn"', 1).encode()) == event


def test_a_kind_of_a_later_version_is_unknown() -> None:
    assert decode_event("later", b'{"turn":"t","events":7}') == UnknownEvent(turn="t")
    assert decode_event("later", b"{}") == UnknownEvent()


def test_a_retry_of_an_earlier_version_has_the_general_code() -> None:
    event = decode_event("retry", b'{"turn":"t","reason":"r","attempt":1,"seconds":1}')
    assert isinstance(event, RetryEvent)
    assert event.code == "agent_failed"


def test_the_event_that_a_script_publishes_for_a_deleted_thread_is_one() -> None:
    assert encode_event(GoneEvent(turn="", reason="the thread was deleted")) == ("gone", GONE)


def test_a_turn_ends_with_a_status_of_its_record() -> None:
    recorded = get_args(msgspec.structs.fields(TurnEnd)[2].type)
    assert set(get_args(DoneStatus)) == set(recorded) - {"failed"}


def test_a_field_has_a_default_if_visitors_do_not_get_it() -> None:
    # They do not get a reply; and earlier workers write a retry without a code.
    for kind, fields in VISITORS.items():
        hidden = {field.name for field in msgspec.structs.fields(KINDS[kind]) if not field.required}
        assert hidden - {"code"} == set(KINDS[kind].__struct_fields__) - set(fields), kind


def test_visitors_get_fields_that_exist() -> None:
    for kind, fields in [*VISITORS.items(), *PUBLIC_TOOLS.items()]:
        assert set(fields) <= set(KINDS[kind].__struct_fields__)


def test_the_api_describes_every_event() -> None:
    document = openapi.document(routes(Mock(), Mock(), Mock()))
    described = document["components"]["schemas"]
    for name, schema in schemas().items():
        assert described[name] == schema, "no model of a route has the same name"
    responses = document["paths"]["/api/v1/chat/threads/{id}/stream"]["get"]["responses"]
    kinds = responses["200"]["content"]["text/event-stream"]["schema"]["oneOf"]
    assert [each["properties"]["event"]["const"] for each in kinds] == list(STREAMED)
    for each in kinds:
        reference = each["properties"]["data"]["contentSchema"]["$ref"]
        assert reference.rpartition("/")[2] in described
    text = page(document)
    for name in STREAMED.values():
        assert f'href="#schema-{name}"' in text
