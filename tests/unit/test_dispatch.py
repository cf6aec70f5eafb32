"""`dispatch`: what it stores, what it loads, what it refuses before it connects."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import msgspec
import pytest
from pydantic import BaseModel

from answerback import structured
from answerback.dispatching import Dispatcher, DispatchReceipt
from answerback.errors import ConfigurationError, InvalidInput
from answerback.store.chats.dispatches import NewDispatch, event_of


class Order(BaseModel):
    number: int


@dataclass
class Parcel:
    order: Order
    weight: float


def test_importing_it_loads_neither_agents_nor_arq_nor_aiohttp() -> None:
    code = (
        "import sys; from answerback import dispatch, dispatch_sync, Dispatcher; "
        "heavy = {'answerback.agents', 'arq', 'aiohttp', 'pydantic_ai', 'ingress', 'worker'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("value", "json"),
    [
        ("hello", b'"hello"'),
        ({"number": 10**30, "text": "é"}, '{"number":1000000000000000000000000000000,"text":"é"}'.encode()),
        (Order(number=7), b'{"number":7}'),
        (Parcel(Order(number=7), 1.5), b'{"order":{"number":7},"weight":1.5}'),
    ],
)
def test_an_input_is_plain_data_or_made_of_models(value: object, json: bytes) -> None:
    assert structured.encoded(value) == json


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"text": "x" * 70_000}, "at most 65536 are stored"),
        ({"at": float("nan")}, "cannot be written as JSON"),
        ({"text": "\ud800"}, "cannot be written as JSON"),
        ({"client": object()}, "object is not plain data"),
        (msgspec.json.decode(b"[" * 70 + b"]" * 70), "more than 64 levels"),
    ],
)
def test_what_cannot_be_stored_is_refused_in_words(value: object, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        structured.encoded(value)


def test_a_schema_names_each_member_that_does_not_match() -> None:
    schema = b'{"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}'
    structured.check("triage", b'{"number": 7}', schema)
    structured.check("triage", b'"anything"', b"")
    with pytest.raises(InvalidInput, match=r'not a valid input of the agent "triage": number: \'x\' is not of type'):
        structured.check("triage", b'{"number": "x"}', schema)
    with pytest.raises(InvalidInput, match="input: 'number' is a required property"):
        structured.check("triage", b"{}", schema)


def event(data: Any) -> Any:
    return event_of(NewDispatch(agent="triage", delivery="d", input_json=structured.encoded(data)), "d_1")


def test_text_author_and_kind_are_read_from_the_input() -> None:
    data = {"type": "chat.message", "text": "Where is it?", "sender": {"id": 7, "name": "Ada"}}
    dispatched = event(data)
    assert (dispatched.text, dispatched.kind, dispatched.input) == ("Where is it?", "chat.message", data)
    assert (dispatched.author.id, dispatched.author.name) == ("7", "Ada")
    assert event({"sender": {"login": "ada"}}).author.name == "ada"
    assert event({"sender": "ada"}).author.id == "ada"
    assert event("hello").text == "hello"
    # People see what there is.
    assert event({"order": 17}).text == '{"order":17}'


def test_a_session_is_one_of_several_about_the_same_id() -> None:
    def name(**fields: str) -> str:
        return NewDispatch(agent="triage", delivery="d", input_json=b"1", **fields).name

    assert (name(), name(id="a"), name(session="b"), name(id="a", session="a"), name(id="a", session="b")) == (
        "", "a", "b", "a", "a/b",
    )  # fmt: skip


def test_it_says_what_to_set_if_it_has_nowhere_to_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("REDIS_URL", "ANSWERBACK_URL", "ANSWERBACK_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANSWERBACK_DATA", str(tmp_path))
    with Dispatcher() as dispatcher, pytest.raises(ConfigurationError, match="set REDIS_URL"):
        dispatcher.dispatch_sync("triage", input="hello")
    with Dispatcher(url="https://bots.example") as keyless, pytest.raises(ConfigurationError, match="API_KEY is not"):
        keyless.dispatch_sync("triage", input="hello")
    with Dispatcher(redis_url="bots.example") as nowhere, pytest.raises(ConfigurationError, match="REDIS_URL: must"):
        nowhere.dispatch_sync("triage", input="hello")


async def test_who_waits_in_an_event_loop_is_told_how_not_to_block_it() -> None:
    with Dispatcher(redis_url="redis://127.0.0.1:1") as dispatcher:
        with pytest.raises(RuntimeError, match=r"use `await dispatch\(…\)`"):
            dispatcher.dispatch_sync("triage", input="hello")
        receipt = DispatchReceipt(
            dispatch_id="d", thread="th_1", status="accepted", _loop=dispatcher._loop, _answer=AsyncMock()
        )
        with pytest.raises(RuntimeError, match=r"use `await receipt\.reply\(…\)`"):
            receipt.reply_sync()
        assert not dispatcher._loop.running
