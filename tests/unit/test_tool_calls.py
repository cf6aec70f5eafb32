"""The tool calls of every kind of agent: in the messages of its turn, and so in each transcript."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import msgspec
import pytest
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from answerback.agents import Agent, Turn
from answerback.agents.memory import MemoryThread
from answerback.flows import load
from answerback.messages import Message, ToolCall
from answerback.store.threads.views import ThreadSummary, Transcript
from tools.commands.transcript import transcribe

FOUND = ToolCall(id="c1", name="find", args={"query": "shoes"}, result=["red", "blue"])


async def find(query: str) -> list[str]:
    """Find something."""
    return ["red", "blue"]


def _model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Call the tool; with its result, answer."""
    if not any(isinstance(part, ToolReturnPart) for message in messages for part in message.parts):
        return ModelResponse(parts=[ToolCallPart("find", {"query": "shoes"}, "c1")])
    return ModelResponse(parts=[TextPart("We have red and blue ones.")])


async def _function(turn: Turn) -> str:
    turn.tools.append(FOUND)
    return "We have red and blue ones."


def _flow() -> Agent:
    flow = load({"initial_node": "a", "nodes": [{"id": "a", "instruction": "Say what there is.", "is_final": True}]})
    return Agent("shop", flow=flow, model=FunctionModel(_model), tools=[find])


KINDS: dict[str, Callable[[], Agent]] = {
    "function": lambda: Agent("shop", _function),
    "model": lambda: Agent("shop", model=FunctionModel(_model), tools=[find]),
    "flow": _flow,
}


async def messages_of(agent: Agent) -> list[Message]:
    """Run a turn of the agent, and return the messages that are committed."""
    thread = MemoryThread(agent)
    await thread.say("shoes?")
    return thread.history


@pytest.mark.parametrize("kind", KINDS)
async def test_tool_calls_are_in_the_messages_of_every_kind_of_agent(kind: str) -> None:
    question, answer = await messages_of(KINDS[kind]())
    assert question.tools == ()
    assert answer.tools == (FOUND,)
    assert _shown(answer) == ['  ⚙ find({"query": "shoes"}) = ["red", "blue"]']


def _shown(answer: Message) -> list[str]:
    summary: dict[str, Any] = {"channel": "", "title": "", "url": "", "state": "idle", "updated": 1, "created": 1}
    # The tool calls are read from the message, not from the model's own record of the turn.
    bare = msgspec.structs.replace(answer, model=b"")
    transcript = Transcript(
        thread=ThreadSummary(id="x:t", platform="x", **summary), messages=[bare], waiting=[], steps=[], replies=[]
    )
    lines = click.unstyle("\n".join(transcribe(transcript, [], now=10))).splitlines()
    return [line for line in lines if "⚙" in line]
