"""Tools of a model agent: tuples, tools that need a person, tools and models that depend on the turn, silence."""

from __future__ import annotations

from typing import Any

import pydantic_ai
import pytest
from pydantic_ai import ApprovalRequired, CallDeferred, RunContext, Tool
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import ExternalToolset, FunctionToolset

from answerback import Agent, Turn, idempotent, public
from answerback.agents.memory import Killed, MemoryThread
from answerback.errors import ConfigurationError, TurnFailed

SCHEMA = {"type": "object", "properties": {"order": {"type": "integer"}}, "required": ["order"]}
found: list[Any] = []


def find(order: int) -> str:
    found.append(order)
    return f"order {order} is on its way"


async def find_with_key(ctx: RunContext[Turn], order: int, detail: str = "") -> str:
    found.append((order, ctx.deps.key))
    return f"order {order} is on its way"


def calls(*turns: list[ToolCallPart]) -> FunctionModel:
    """Return a model that makes these calls, one list after the other, then answers with their last result."""

    def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        since = max(
            at for at, message in enumerate(messages) if any(isinstance(p, UserPromptPart) for p in message.parts)
        )
        done = sum(isinstance(message, ModelResponse) for message in messages[since:])
        if done < len(turns):
            return ModelResponse(parts=turns[done])
        return ModelResponse(parts=[TextPart(str(messages[-1].parts[-1].content))])  # type: ignore[union-attr]

    return FunctionModel(respond)


def call(**arguments: Any) -> list[ToolCallPart]:
    return [ToolCallPart("find", arguments)]


@pytest.mark.parametrize("function", [find, find_with_key])
async def test_a_tool_may_be_a_tuple(function: Any) -> None:
    found.clear()
    agent = Agent("shop", model=calls(call(order=7)), tools=[("find", function, "Find an order.", SCHEMA)])
    assert await MemoryThread(agent).say("where is it?") == "order 7 is on its way"
    assert found == [7] or found[0][0] == 7


async def test_a_tuples_schema_is_shown_to_the_model_and_holds() -> None:
    found.clear()
    seen: list[ToolDefinition] = []
    model = calls(call(order="seven"), call(order=7))

    def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        seen.extend(tool for tool in info.function_tools if tool.name == "find")
        assert model.function is not None
        response = model.function(messages, info)
        assert isinstance(response, ModelResponse)
        return response

    agent = Agent("shop", model=FunctionModel(respond), tools=[("find", find, "Find an order.", SCHEMA)])
    thread = MemoryThread(agent)
    assert await thread.say("where is it?") == "order 7 is on its way"
    assert found == [7]  # not "seven"
    assert (seen[0].description, seen[0].parameters_json_schema) == ("Find an order.", SCHEMA)
    rejected = thread.history[-1].tools[0]
    assert (rejected.args, rejected.outcome) == ({"order": "seven"}, "failed")


async def test_what_a_tuples_function_declares_holds() -> None:
    @idempotent
    @public
    def find_again(order: int) -> str:
        return find(order)

    found.clear()
    agent = Agent("shop", model=calls(call(order=7)), tools=[("find", find_again, "Find an order.", SCHEMA)])
    async with MemoryThread(agent, attempts=3) as thread:
        thread.kill_at("step:*find*", "after")
        with pytest.raises(Killed):
            await thread.say("where is it?")
        assert await thread.resume() == "order 7 is on its way"
        assert found == [7, 7]
        assert thread.history[-1].tools[0].public


def prepare_changed(ctx: RunContext[Turn], tool: ToolDefinition) -> ToolDefinition:
    tool.kind = "unapproved"
    return tool


@pytest.mark.parametrize(
    ("tools", "complaint"),
    [
        ([("find", find, "Find an order.")], "must be (name, function, description, JSON schema)"),
        ([("find", "find", "Find an order.", {})], "must be (name, function, description, JSON schema)"),
        (("find", find, "Find an order.", SCHEMA), "tools must be a list"),
        ([3], "3 is not a tool"),
        ([("find it", find, "Find an order.", SCHEMA)], "only letters, digits"),
        ([("find", find, "Find an order.", {"type": "array"})], 'must have the type "object"'),
        ([("find", find, "Find an order.", {"type": 3})], 'the schema of its tool "find" is not valid'),
        ([("find", find, "Find an order.", {"properties": {"id": {}}})], 'has the property "id"'),
        ([("find", find, "Find an order.", {"properties": {"order": {}}})], 'needs "order"'),
        ([find, ("find", find, "Find an order.", SCHEMA)], 'two tools are named "find"'),
        ([("reply", find, "Find an order.", SCHEMA)], 'must not be named "reply"'),
        ([Tool(find, requires_approval=True)], 'its tool "find" requires approval, but a turn cannot wait'),
        ([FunctionToolset([find])], "FunctionToolset is a toolset"),
        ([FunctionToolset([find]).approval_required()], "ApprovalRequiredToolset is a toolset"),
        ([ExternalToolset([ToolDefinition(name="find")])], "ExternalToolset is a toolset"),
        ([ExternalToolset([])], "For an MCP server, or tools that run elsewhere, give "),
        ([pydantic_ai.Agent("test")], "a pydantic-ai agent cannot be a tool"),
    ],
)
def test_a_tool_that_cannot_work_is_named_at_start(tools: Any, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Agent("shop", model=calls(), tools=tools).prepare()
    assert complaint in str(refused.value)


def test_an_agent_of_pydantic_ai_is_no_model() -> None:
    with pytest.raises(ConfigurationError, match=r"model must be a name.* not pydantic_ai's Agent"):
        Agent("shop", model=pydantic_ai.Agent("test")).prepare()  # type: ignore[arg-type]


async def asks_for_approval(order: int) -> str:
    raise ApprovalRequired


async def runs_elsewhere(order: int) -> str:
    raise CallDeferred


@pytest.mark.parametrize(
    "tool",
    [
        Tool(asks_for_approval, name="find"),
        Tool(runs_elsewhere, name="find"),
        Tool(find, prepare=prepare_changed),
        Tool(find, args_validator=lambda ctx, order: _raise(ApprovalRequired())),
    ],
)
async def test_a_tool_that_asks_for_a_person_during_a_turn_fails_it_with_words(tool: Any) -> None:
    found.clear()
    thread = MemoryThread(Agent("shop", model=calls(call(order=7)), tools=[tool]), attempts=3)
    with pytest.raises(TurnFailed, match=r"a turn cannot wait|DeferredToolRequests"):
        await thread.say("where is it?")
    [letter] = thread.dead_letters
    assert (letter.attempts, letter.unknown, found) == (1, (), [])


def _raise(error: Exception) -> None:
    raise error


def _instructed(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    tools = ",".join(sorted(tool.name for tool in info.function_tools))
    return ModelResponse(parts=[TextPart(f"{info.instructions} {tools}")])


async def test_model_instructions_and_tools_may_depend_on_the_turn() -> None:
    async def prepare(turn: Turn) -> Any:
        if "vip" not in turn.text:
            return None

        def rebate(percent: int) -> str:
            return f"{percent} off for {turn.event.author.id}"

        model = calls([ToolCallPart("rebate", {"percent": 5})]) if "rebate" in turn.text else FunctionModel(_instructed)
        return {"model": model, "instructions": "Be kind.", "tools": [rebate]}

    agent = Agent("shop", model=FunctionModel(_instructed), instructions="Be brief.", tools=[find], prepare=prepare)
    thread = MemoryThread(agent)
    assert await thread.say("hello") == "Be brief. find,reply"
    assert await thread.say("vip") == "Be kind. rebate,reply"
    assert await thread.say("vip rebate") == "5 off for you"
    assert await thread.say("hello") == "Be brief. find,reply"


@pytest.mark.parametrize(
    ("returned", "complaint"),
    [
        ({"tool": [find]}, 'returned "tool", which cannot be changed. Did you mean "tools"'),
        ({"tools": [find, find]}, "two tools are named"),
        ("Be kind.", "must return a dict or None"),
    ],
)
async def test_what_prepare_may_not_return_fails_the_turn_with_words(returned: Any, complaint: str) -> None:
    thread = MemoryThread(Agent("shop", model=calls(), prepare=lambda turn: returned), attempts=3)
    with pytest.raises(TurnFailed) as failed:
        await thread.say("hello")
    assert complaint in str(failed.value)


async def answer(turn: Turn) -> str:
    return turn.text


def test_prepare_and_silence_are_for_models() -> None:
    with pytest.raises(ConfigurationError, match="prepare is for agents that are a model"):
        Agent("shop", answer, prepare=lambda turn: None)
    with pytest.raises(ConfigurationError, match="may_stay_silent is for agents that are a model"):
        Agent("shop", answer, may_stay_silent=True)
    with pytest.raises(ConfigurationError, match="prepare must be a function"):
        Agent("shop", model=calls(), prepare={"tools": []})  # type: ignore[arg-type]


async def test_a_model_may_stay_silent() -> None:
    def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if "thanks" in str(messages[-1].parts[-1].content):  # type: ignore[union-attr]
            return ModelResponse(parts=[TextPart("No answer needed."), ToolCallPart("stay_silent", {})])
        earlier = [part.tool_name for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]
        return ModelResponse(parts=[TextPart(f"You are welcome. {earlier}")])

    thread = MemoryThread(Agent("shop", model=FunctionModel(respond), may_stay_silent=True))
    assert await thread.say("thanks, Bob") == ""
    assert (thread.turn_ends[0].status, thread.turn_ends[0].messages) == ("completed", ())
    assert thread.replies == []
    assert await thread.say("hello") == "You are welcome. ['stay_silent']"


async def test_a_model_that_may_not_stay_silent_has_no_tool_for_it() -> None:
    assert await MemoryThread(Agent("shop", model=FunctionModel(_instructed))).say("hello") == "None reply"
