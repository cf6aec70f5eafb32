"""Typed runs: `Agent(input=…, output=…)` validates what comes in and what goes out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai.models.test import TestModel

from answerback import structured
from answerback.agents import Agent, Turn
from answerback.agents.memory import MemoryThread
from answerback.errors import ConfigurationError, InputMismatch, TurnFailed
from answerback.events import Event
from answerback.messages import Author


class Issue(BaseModel):
    title: str
    labels: list[str] = []


class Verdict(BaseModel):
    bug: bool
    why: str = ""


@dataclass
class Count:
    words: int


async def judge(turn: Turn) -> Verdict:
    assert isinstance(turn.input, Issue)
    return Verdict(bug="bug" in turn.input.labels, why=turn.input.title)


def _event(input: Any) -> Event:
    return Event(
        delivery="chat:1", thread="", kind="message", text="", author=Author("ada"), direct=True,
        input_json=structured.encoded(input),
    )  # fmt: skip


async def test_a_function_gets_its_input_type_and_returns_its_output_type() -> None:
    async with MemoryThread(Agent("judge", judge, input=Issue, output=Verdict)) as thread:
        await thread.send(_event({"title": "It squeaks", "labels": ["bug"]}))
        [asked, answered] = thread.history
    assert answered.text == '{"bug":true,"why":"It squeaks"}'
    assert json.loads(answered.output_json) == {"bug": True, "why": "It squeaks"}
    assert json.loads(asked.input_json)["labels"] == ["bug"]


async def test_a_person_may_write_the_input_as_json() -> None:
    async with MemoryThread(Agent("judge", judge, input=Issue, output=Verdict)) as thread:
        assert await thread.say('{"title": "Fine"}') == '{"bug":false,"why":"Fine"}'


async def test_without_an_input_type_the_data_comes_as_it_was_sent() -> None:
    async def shout(turn: Turn) -> str:
        return str(turn.input)

    async with MemoryThread(Agent("shout", shout)) as thread:
        await thread.send(_event({"a": [1, None]}))
        assert thread.replies == ["{'a': [1, None]}"]
        await thread.say("no input")
        assert thread.replies[-1] == "None"


async def test_an_input_of_another_type_fails_for_good_and_says_where() -> None:
    async with MemoryThread(Agent("judge", judge, input=Issue), attempts=5) as thread:
        with pytest.raises(InputMismatch, match=r'input of the agent "judge": title: Field required; labels: Input'):
            await thread.send(_event({"labels": "bug"}))
        assert [(end.status, end.code) for end in thread.turn_ends] == [("failed", "invalid_input")]


async def test_an_output_of_another_type_fails_for_good() -> None:
    async def wrong(turn: Turn) -> Any:
        return {"bug": "perhaps"}

    async with MemoryThread(Agent("wrong", wrong, output=Verdict)) as thread:
        with pytest.raises(TurnFailed, match='the output of agent "wrong" is not of its type: bug: Input should be'):
            await thread.say("hello")


async def test_any_type_that_pydantic_validates_may_be_the_output() -> None:
    async def count(turn: Turn) -> Count:
        return Count(len(turn.text.split()))

    async def name(turn: Turn) -> str:
        return turn.text

    async with MemoryThread(Agent("count", count, output=Count)) as thread:
        assert await thread.say("one two") == '{"words":2}'
    async with MemoryThread(Agent("name", name, output=str)) as thread:
        assert await thread.say("Ada") == "Ada"


async def test_a_model_returns_structured_output() -> None:
    model = TestModel(custom_output_args={"bug": True, "why": "squeaks"})
    async with MemoryThread(Agent("judge", model=model, input=Issue, output=Verdict)) as thread:
        await thread.send(_event({"title": "It squeaks"}))
        answered = thread.history[-1]
    assert json.loads(answered.output_json) == json.loads(answered.text) == {"bug": True, "why": "squeaks"}
    # How a model hands in its output is no tool call of the agent's.
    assert answered.tools == ()


async def test_a_model_sees_the_whole_input() -> None:
    prompts: list[str] = []

    class Watched(TestModel):
        async def request(self, messages: Any, *args: Any, **more: Any) -> Any:
            prompts.append(str(messages[-1].parts))
            return await super().request(messages, *args, **more)

    async with MemoryThread(Agent("judge", model=Watched(call_tools=[]))) as thread:
        await thread.send(_event({"title": "It squeaks"}))
    assert "It squeaks" in prompts[0]


def test_types_are_checked_when_an_agent_is_declared() -> None:
    async def pieces(turn: Turn) -> AsyncIterator[str]:
        yield "a"

    with pytest.raises(ConfigurationError, match="only a function or a model"):
        Agent("remote", remote="https://weather.example", output=Verdict)
    with pytest.raises(ConfigurationError, match="an async generator yields text"):
        Agent("pieces", pieces, output=Verdict)
    with pytest.raises(ConfigurationError, match=r'agent "odd": input=.* cannot be validated'):
        Agent("odd", judge, input=Turn)


def test_schemas_are_announced() -> None:
    typed = Agent("judge", judge, input=Issue, output=Verdict).typed
    assert json.loads(typed.input_schema)["required"] == ["title"]
    assert json.loads(typed.output_schema)["properties"].keys() == {"bug", "why"}
    assert (Agent("judge", judge).typed.input_schema, Agent("judge", judge).typed.output_schema) == (b"", b"")
