"""What an agent is given of the messages that OpenAI's clients send."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from answerback.messages import Attachment
from ingress.api.openai.prompt import Prompt, prompt
from ingress.api.openai.refusal import details
from ingress.api.openai.request import CompletionRequest
from ingress.problems import Problem


def _read(*messages: dict[str, Any]) -> Prompt:
    return prompt(CompletionRequest.model_validate({"model": "m", "messages": messages}).messages)


def _user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


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
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "tool_call_id": "1", "name": "weather", "content": "rain"},
    )
    assert found.text == "Result of weather: rain"
    assert [message.text for message in found.context] == ["weather?"]


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
        ([{"role": "system", "content": "a"}], "messages"),
        ([{"role": "assistant", "content": "a"}], "messages"),
        ([_user({"type": "video"})], "messages[0].content[0]"),
        ([_user({"type": "text"})], "messages[0].content[0]"),
        ([_user({"type": "image_url", "image_url": "https://example.com/a.png"})], "messages[0].content[0].image_url"),
        ([_user({"type": "image_url", "image_url": "data:image/png;base64,!"})], "messages[0].content[0].image_url"),
        ([_user({"type": "file", "file": {"file_id": "f1"}})], "messages[0].content[0].file"),
        ([_user(_file(b"x" * 1_048_577))], "messages[0].content[0].file"),
        ([_user(*[_file(b"x")] * 11)], "messages"),
    ],
)
def test_what_cannot_be_given_to_an_agent_is_refused_with_its_place(messages: list[Any], place: str) -> None:
    with pytest.raises(Problem) as refused:
        _read(*messages)
    assert details(refused.value).error.param == place
