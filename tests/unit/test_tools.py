"""A model's tools in several attempts of a turn: what may have taken effect is not repeated, and the model is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import TypeAdapter
from pydantic_ai import ModelRetry, Tool
from pydantic_ai.messages import ModelMessage, ModelResponse, RetryPromptPart, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from answerback import Agent, NoEffect, Turn, idempotent
from answerback.agents.journal import Journal
from answerback.events import Event
from answerback.messages import Author
from answerback.replies import Reply


class Conversation:
    """One turn of a model that calls the tool "charge", and calls it again if it is told that this was not possible."""

    def __init__(self, tool: Any) -> None:
        self.records: dict[str, bytes] = {}
        self.requests = 0
        self.told: list[str] = []
        self._agent = Agent("model", model=FunctionModel(self._answer), tools=[tool])

    def _answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.requests += 1
        last = messages[-1].parts[-1]
        if isinstance(last, ToolReturnPart | RetryPromptPart):
            self.told.append(str(last.content))
            if "not possible" not in self.told[-1]:
                return ModelResponse(parts=[TextPart("done")])
        return ModelResponse(parts=[ToolCallPart("charge", {"amount": 5})])

    async def attempt(self, number: int = 1) -> str | None:
        """Run the turn once more."""

        async def write(name: str, record: bytes, replies: Sequence[Reply]) -> None:
            self.records[name] = record

        event = Event(delivery="x:1", thread="x:t", kind="message", text="charge me", author=Author("ada"))
        turn = Turn(
            agent="model", events=[event], history=[], attempt=number, state={},
            journal=Journal(dict(self.records), write),
        )  # fmt: skip
        return await self._agent.think(turn)


def raising(error: Exception | None, effects: list[int]):  # type: ignore[no-untyped-def]
    async def charge(amount: int) -> str:
        """Charge an amount."""
        effects.append(amount)
        if error and len(effects) == 1:
            raise error
        return "charged"

    return charge


async def test_a_tool_that_took_effect_and_then_raised_is_not_repeated_and_the_model_is_told() -> None:
    effects: list[int] = []
    conversation = Conversation(raising(ConnectionError("the answer was lost"), effects))
    with pytest.raises(ConnectionError):
        await conversation.attempt()
    for attempt in (2, 3):
        assert await conversation.attempt(attempt) == "done"
    assert effects == [5]
    assert conversation.requests == 2
    assert all("outcome of this call" in words for words in conversation.told)


async def test_a_tool_in_which_something_was_not_valid_or_took_too_long_is_not_repeated_either() -> None:
    effects: list[int] = []

    async def charge(amount: int) -> str:
        """Charge an amount, and fail to read the answer."""
        effects.append(amount)
        return str(TypeAdapter(int).validate_python("no number"))

    async def slow(amount: int) -> str:
        """Charge an amount, and take too long."""
        effects.append(amount)
        await asyncio.sleep(60)
        return "charged"

    for tool in (charge, Tool(slow, name="charge", timeout=0.05)):
        effects.clear()
        conversation = Conversation(tool)
        assert await conversation.attempt() == "done"
        assert effects == [5]
        assert "outcome of this call" in conversation.told[0]


async def test_a_tool_that_says_that_nothing_happened_is_run_again() -> None:
    effects: list[int] = []
    conversation = Conversation(raising(NoEffect("the shop is closed"), effects))
    with pytest.raises(NoEffect):
        await conversation.attempt()
    assert await conversation.attempt(2) == "done"
    assert (effects, conversation.told) == ([5, 5], ["charged"])


async def test_an_idempotent_tool_is_run_again_whatever_it_raised() -> None:
    effects: list[int] = []
    conversation = Conversation(idempotent(raising(ConnectionError("lost"), effects)))
    with pytest.raises(ConnectionError):
        await conversation.attempt()
    assert await conversation.attempt(2) == "done"
    assert (effects, conversation.told) == ([5, 5], ["charged"])


async def test_what_a_tool_tells_the_model_is_the_result_of_its_call() -> None:
    effects: list[int] = []
    conversation = Conversation(raising(ModelRetry("an amount of 5 is not possible"), effects))
    for attempt in (1, 2):
        assert await conversation.attempt(attempt) == "done"
    assert effects == [5, 5]
    assert (conversation.requests, len(conversation.told)) == (3, 2)
