"""What an agent is given of the messages that OpenAI's clients send."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from answerback.messages import Attachment, Author
from ingress.api.openai.prompt import Prompt, prompt
from ingress.api.openai.refusal import details
from ingress.api.openai.request import CompletionRequest
from ingress.api.schemas.base64_text import PATTERN, decoded
from ingress.problems import Problem

FIXTURES = Path(__file__).parents[1] / "fixtures/api"


def _read(*messages: dict[str, Any]) -> Prompt:
    return prompt(CompletionRequest.model_validate({"model": "m", "messages": messages}).messages)


def _user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def _call(id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _file(data: bytes, kind: str = "text/plain") -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": f"data:{kind};base64,{base64.b64encode(data).decode()}"}}


def test_the_last_message_is_said_now_and_instructions_are_taken_from_anywhere() -> None:
    found = _read(
        {"role": "system", "content": "a"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": [{"type": "text", "text": "yes"}, {"type": "refusal", "refusal": "no"}]},
        {"role": "user", "content": "second"},
        {"role": "developer", "content": "b"},
    )
    assert (found.system, found.text) == ("a\n\nb", "second")
    assert [(m.role, m.text) for m in found.context] == [("user", "first"), ("assistant", "yes\n\nno")]


def test_the_result_of_the_callers_own_tool_can_be_what_is_said() -> None:
    found = _read(
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": None, "tool_calls": [_call("1", "weather", '{"city": "Oslo"}')]},
        {"role": "tool", "tool_call_id": "1", "content": "rain"},
    )
    assert found.text == "Result of weather: rain"
    assert [message.text for message in found.context] == ["weather?", ""]


def test_calls_of_the_callers_own_tools_keep_their_ids_arguments_and_results() -> None:
    found = _read(
        {"role": "user", "content": "weather?", "name": "ada"},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                _call("1", "weather", '{"city": "Oslo"}'),
                _call("2", "weather", "no JSON"),
                _call("3", "time", "{}"),
                {"id": "4", "type": "custom", "custom": {"name": "sql", "input": "select 1"}},
            ],
        },
        {"role": "tool", "tool_call_id": "2", "content": "sun"},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "rain"}]},
        {"role": "tool", "tool_call_id": "4", "content": "1"},
        {"role": "tool", "tool_call_id": "unknown", "content": "42"},
        {"role": "assistant", "function_call": {"name": "old", "arguments": "{}"}},
        {"role": "function", "name": "old", "content": "7"},
        {"role": "user", "content": "thanks", "name": "bob"},
    )
    asked, called, lost, older = found.context
    assert (asked.author, found.name) == (Author("ada", "ada"), "bob")
    assert (called.role, called.text) == ("assistant", "I look.")
    assert [(call.id, call.name, call.args, call.result) for call in called.tools] == [
        ("1", "weather", {"city": "Oslo"}, "rain"),
        ("2", "weather", "no JSON", "sun"),
        ("3", "time", {}, "(no result was given)"),
        ("4", "sql", {"input": "select 1"}, "1"),
    ]
    assert (lost.role, lost.text) == ("user", "Result of a tool: 42")
    assert [(call.name, call.result) for call in older.tools] == [("old", "7")]


@pytest.mark.parametrize("id", ["", "same"])
def test_calls_of_one_id_get_their_results_in_their_order(id: str) -> None:
    calls = [_call(id, "first", "{}"), _call(id, "second", "{}")]
    results = [{"role": "tool", "tool_call_id": id, "content": text} for text in ("one", "two")]
    found = _read(
        {"role": "assistant", "content": None, "refusal": "I may not.", "tool_calls": calls},
        *results, {"role": "user", "content": "now"},
    )  # fmt: skip
    (answer,) = found.context
    assert answer.text == "I may not."
    assert [(call.name, call.result) for call in answer.tools] == [("first", "one"), ("second", "two")]


def test_texts_and_pictures_keep_their_order() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}
    first, second = {"type": "text", "text": "first"}, {"type": "text", "text": "second"}
    found = _read(_user(first, picture, second, picture), _user(picture, first))
    assert found.context[0].order == ("first", 0, "second", 1)
    assert found.context[0].text == "first\n\nsecond"
    assert found.order == (0, "first")
    assert _read(_user(first, picture)).order == ()
    assert _read(_user(first, second)).order == ()
    assert _read(_user({"type": "text", "text": ""}, picture)).order == ()


@pytest.mark.parametrize("name", ["base64-marker-in-capitals", "base64-in-lines"])
def test_base64_is_read_as_browsers_read_it(name: str) -> None:
    found = _read(*json.loads((FIXTURES / f"{name}.json").read_text())["body"]["messages"])
    assert [attachment.data for attachment in found.attachments] == [bytes(6)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", b""),
        ("AA", b"\0"),
        ("AA==", b"\0"),
        ("A A\t=\n=", b"\0"),
        ("AAA", b"\0\0"),
        ("AAA=", b"\0\0"),
        ("AAAA", b"\0\0\0"),
        ("\r\nAA\r\nAA", b"\0\0\0"),
        ("A", None),
        ("AA=", None),
        ("AAAA=", None),
        ("A===", None),
        ("AA==AA", None),
        ("AA-_", None),
        ("AA\u00a0AA", None),
        ("AA\x0bAA", None),
    ],
)
def test_what_is_base64_is_the_same_for_the_reader_and_for_the_schema(text: str, expected: bytes | None) -> None:
    assert bool(re.fullmatch(PATTERN.removesuffix("$"), text)) == (expected is not None)
    if expected is None:
        with pytest.raises(ValueError, match="is not valid base64"):
            decoded(text)
    else:
        assert decoded(text) == expected


def test_instructions_alone_are_answered() -> None:
    found = _read(*json.loads((FIXTURES / "instructions-alone.json").read_text())["body"]["messages"])
    assert (found.system, found.text, found.context) == ("Say hi.", "", ())


def test_what_comes_with_messages_is_attached_to_them() -> None:
    found = _read(
        _user(_file(b"old"), {"type": "text", "text": "before"}),
        _user(
            {"type": "image_url", "image_url": "data:image/png;base64,iVBO"},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "file", "file": {"file_data": "data:,a%20b", "filename": "n.txt"}},
            _file(b"\xff", "text/plain"),
        ),
    )
    assert found.context[0].attachments == (Attachment(name="attachment 0", content_type="text/plain", text="old"),)
    assert [(a.name, a.content_type, a.text, a.data) for a in found.attachments] == [
        ("attachment 0", "image/png", "", base64.b64decode("iVBO")),
        ("attachment 1", "audio/wav", "", b"\0\0\0"),
        ("n.txt", "text/plain", "a b", b""),
        ("attachment 3", "text/plain", "", b"\xff"),
    ]


@pytest.mark.parametrize(
    ("messages", "place"),
    [
        ([{"role": "assistant", "content": "a"}], "messages"),
        ([_user({"type": "video"})], "messages[0].content[0]"),
        ([_user({"type": "text"})], "messages[0].content[0]"),
        ([_user({"type": "image_url", "image_url": "https://example.com/a.png"})], "messages[0].content[0].image_url"),
        ([_user({"type": "image_url", "image_url": "data:image/png;base64,!"})], "messages[0].content[0].image_url"),
        ([_user({"type": "image_url", "image_url": "data:," + "x" * 1_048_577})], "messages[0].content[0].image_url"),
        ([{**_user(_file(b"x")), "role": "system"}, _user({"type": "text", "text": "x"})], "messages[0].content"),
        ([_user({"type": "file", "file": {"file_id": "th_1.f1"}})], "messages[0].content[0].file.file_id"),
        ([_user({"type": "file", "file": {}})], "messages[0].content[0].file"),
        ([_user(_file(b"x" * 1_048_577))], "messages[0].content[0].file"),
        ([_user(*[_file(b"x")] * 11)], "messages"),
    ],
)
def test_what_cannot_be_given_to_an_agent_is_refused_with_its_place(messages: list[Any], place: str) -> None:
    with pytest.raises(Problem) as refused:
        _read(*messages)
    assert details(refused.value).error.param == place
