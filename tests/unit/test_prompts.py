"""What a language model is sent of a conversation that its sender tells, in requests as OpenAI's clients make them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai.messages import BinaryContent, ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from answerback.agents import Agent, Turn
from answerback.agents.journal import Journal
from answerback.events import Event
from answerback.flows import load
from answerback.messages import Author
from ingress.api.openai.prompt import prompt
from ingress.api.openai.request import CompletionRequest

FIXTURES = Path(__file__).parents[1] / "fixtures/api"
FLOW = {"system_prompt": "Be kind.", "initial_node": "a", "nodes": [{"id": "a", "name": "A", "instruction": "Answer."}]}


async def sent(*messages: dict[str, Any], flow: bool = False) -> list[Any]:
    """All that the model of an agent is sent for these messages: its parts, in order, without instructions."""
    seen: list[list[ModelMessage]] = []

    def answer(asked: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        seen.append(asked)
        return ModelResponse(parts=[TextPart("yes")])

    read = prompt(CompletionRequest.model_validate({"model": "m", "messages": messages}).messages)
    event = Event(
        delivery="chat:1", thread="chat:acme:1", kind="message", text=read.text, author=Author(read.name, read.name),
        direct=True, attachments=read.attachments, order=read.order, context=read.context,
    )  # fmt: skip

    async def write(*step: Any) -> None:
        """Nothing is kept."""

    turn = Turn(
        agent="m", events=[event], history=read.context, attempt=1, state={}, journal=Journal({}, write),
    )  # fmt: skip
    model = FunctionModel(answer)
    await (Agent("m", model=model, flow=load(FLOW)) if flow else Agent("m", model=model)).think(turn)
    return [content for message in seen[0] for part in message.parts for content in _contents(part)]


def _contents(part: Any) -> list[Any]:
    if isinstance(part, ToolCallPart | ToolReturnPart):
        return [part]
    return [part.content] if isinstance(part.content, str) else list(part.content)


def _fixture(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FIXTURES / f"{name}.json").read_text())["body"]["messages"]
    return found


@pytest.mark.parametrize("flow", [False, True])
async def test_a_picture_of_an_earlier_message_stands_where_it_was_sent(flow: bool) -> None:
    first, picture, *rest = await sent(*_fixture("earlier-picture"), flow=flow)
    assert first == "what is this?"
    assert isinstance(picture, BinaryContent)
    assert (picture.media_type, picture.data[:4]) == ("image/png", b"\x89PNG")
    assert rest == ["a dot", "which colour?"]


async def test_no_empty_text_stands_beside_a_picture() -> None:
    (picture,) = await sent(*_fixture("picture-alone"))
    assert isinstance(picture, BinaryContent)


async def test_texts_pictures_and_names_come_in_their_order() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}
    parts = [{"type": "text", "text": "before"}, picture, {"type": "text", "text": "after"}, picture]
    for named in ({}, {"name": "ada"}):
        mixed = {"role": "user", "content": parts, **named}
        found = await sent(mixed, {"role": "assistant", "content": "yes"}, mixed)
        before = "ada: before" if named else "before"
        words = [part if isinstance(part, str) else "picture" for part in found]
        assert words == [before, "picture", "after", "picture", "yes", before, "picture", "after", "picture"]


async def test_calls_of_the_callers_own_tools_are_calls_with_their_ids_and_results() -> None:
    found = await sent(
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": "I look.", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
        ]},
        {"role": "tool", "tool_call_id": "1", "content": "rain"},
        {"role": "assistant", "content": "It rains."},
        {"role": "user", "content": "thanks"},
    )  # fmt: skip
    asked, looked, call, result, *rest = found
    assert (asked, looked, rest) == ("weather?", "I look.", ["It rains.", "thanks"])
    assert (call.tool_name, call.args, call.tool_call_id) == ("weather", {"city": "Oslo"}, "1")
    assert (result.tool_name, result.content, result.tool_call_id) == ("weather", "rain", "1")


async def test_instructions_alone_open_the_conversation() -> None:
    assert await sent(*_fixture("instructions-alone")) == ["(The user opens the conversation.)"]
