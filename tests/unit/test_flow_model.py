"""The model's part in a flow: it is asked once, for what no guard decides, and what it says is checked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from answerback.agents import Agent, Turn
from answerback.agents.journal import Journal
from answerback.agents.memory import MemoryThread
from answerback.agents.stream import Stream
from answerback.errors import ConfigurationError, TurnFailed
from answerback.events import Event
from answerback.flows import load
from answerback.flows.state import FlowState
from answerback.messages import Author
from answerback.replies import Reply

Answer = Callable[[AgentInfo], ModelResponse] | ModelResponse | Exception


class Model:
    """A model that gives one answer after another, and keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[list[ModelMessage], AgentInfo]] = []

    def _answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.asked.append((messages, info))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, ModelResponse) else answer(info)

    def agent(self, *nodes: dict[str, Any], tools: Sequence[Any] = (), **more: Any) -> Agent:
        end = {"id": "end", "static_text": "Bye {{ name }}", "is_final": True}
        flow = load({"system_prompt": "You work for {{ BANK }}.", "initial_node": nodes[0]["id"],
                     "nodes": [*nodes, end], **more})  # fmt: skip
        return Agent("flow", flow=flow, model=FunctionModel(self._answer), tools=tools)

    def options(self, number: int = -1) -> dict[str, dict[str, Any]]:
        """The functions it was given, and the schemas of their arguments."""
        return {tool.name: tool.parameters_json_schema for tool in self.asked[number][1].output_tools}


def _calls(function: str, /, **args: Any) -> ModelResponse:
    return ModelResponse(parts=[ToolCallPart(function, args)])


def _says(text: str) -> ModelResponse:
    return ModelResponse(parts=[TextPart(text)])


def _asks(id: str, *edges: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id, "static_text": f"[{id}]", "edges": list(edges), **more}


def _tells(id: str, *edges: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id, "instruction": f"<{id} {{{{ name }}}}>", "edges": list(edges), **more}


def _to(target: str, **more: Any) -> dict[str, Any]:
    return {"id": f"to_{target}", "condition": f"on to {target}", "target_node_id": target, **more}


NAME = {"type": "object", "properties": {"name": {"type": "string", "minLength": 2}}, "required": ["name"]}


def _place(thread: MemoryThread) -> FlowState:
    """Return the conversation's state in the flow."""
    return FlowState.of(thread.state, thread.agents[0].name)


async def test_one_call_chooses_collects_and_phrases() -> None:
    model = Model(_calls("to_b", name="Ada", reply="Nice to meet you, Ada"))
    thread = MemoryThread(model.agent(_asks("a", _to("b", input_schema=NAME), _to("end")), _tells("b", _to("end"))))
    assert await thread.say("hi") == "[a]"
    assert await thread.say("I am Ada") == "Nice to meet you, Ada"
    assert (_place(thread).node, _place(thread).values) == ("b", {"name": "Ada"})
    assert len(model.asked) == 1
    options = model.options()
    assert list(options) == ["to_b", "to_end", "stay"]
    assert options["to_b"]["required"] == ["name", "reply"]
    assert "<b <name>>" in options["to_b"]["properties"]["reply"]["description"]
    assert not model.asked[0][1].allow_text_output
    assert thread.steps == ("flow__model.request#1",)


@pytest.mark.parametrize(("chosen", "said"), [("matches", "Thank you, verified."), ("fails", "Sorry, no match.")])
async def test_a_silent_step_of_an_older_flow_decides_and_says_nothing(chosen: str, said: str) -> None:
    model = Model(_calls(chosen))
    path = Path(__file__).parents[1] / "fixtures/api/silent-step-of-an-older-flow.json"
    thread = MemoryThread(Agent("flow", flow=path, model=FunctionModel(model._answer)))
    assert await thread.say("hi") == "Year of birth?"
    assert await thread.say("1990") == said
    assert _place(thread).visits["check"] == 1
    (asked,) = model.asked
    ways = {tool.name: tool.description or "" for tool in asked[1].output_tools}
    assert set(ways) == {"matches", "fails", "stay"}
    assert "Final YOB check" in ways["matches"], "what the step is to look at"


async def test_a_guard_and_a_static_text_ask_nobody() -> None:
    model = Model()
    thread = MemoryThread(model.agent(_asks("a", _to("b", guard="message == 'go'"), _to("end", guard="false")),
                                      _asks("b", _to("end", guard="true"))))  # fmt: skip
    assert [await thread.say(text) for text in ("hi", "no", "go", "x")] == ["[a]", "[a]", "[b]", "Bye "]
    assert model.asked == []


async def test_a_guard_leaves_the_model_only_the_words() -> None:
    model = Model(_says("What is your name?"))
    thread = MemoryThread(model.agent(_asks("a", _to("b", guard="true")), _tells("b", _to("end"))))
    await thread.say("hi")
    assert await thread.say("go") == "What is your name?"
    assert model.options() == {}


async def test_a_model_collects_what_a_guard_is_about_and_the_guard_still_decides() -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    model = Model(_calls("to_b", age=17), _calls("to_end", age=17))
    thread = MemoryThread(model.agent(
        _asks("a", _to("b", guard="age >= 18", input_schema=schema), _to("end", guard="age < 18", input_schema=schema)),
        _asks("b", _to("end")),
    ))  # fmt: skip
    await thread.say("hi")
    assert await thread.say("seventeen") == "Bye "
    assert "this can be chosen only if age >= 18" in str(model.asked[1][0])


async def test_routers_on_the_way_are_chosen_through_in_the_same_call() -> None:
    model = Model(_calls("to_c", reply="C it is"))
    thread = MemoryThread(model.agent(
        _asks("a", _to("r"), _to("end")),
        {"id": "r", "edges": [_to("b"), _to("c")]},
        _tells("b", _to("end")),
        _tells("c", _to("end")),
    ))  # fmt: skip
    await thread.say("hi")
    assert await thread.say("C please") == "C it is"
    assert list(model.options()) == ["to_b", "to_c", "to_end", "stay"]
    assert len(model.asked) == 1


async def test_a_guard_on_the_way_goes_before_what_was_chosen() -> None:
    model = Model(_calls("to_b", name="Ada"))
    thread = MemoryThread(model.agent(
        _asks("a", _to("r", input_schema=NAME)),
        {"id": "r", "edges": [_to("c", guard="name == 'Ada'"), _to("b")]},
        _asks("b", _to("end")),
        _asks("c", _to("end")),
    ))  # fmt: skip
    await thread.say("hi")
    assert await thread.say("Ada") == "[c]"


async def test_what_an_action_returns_is_phrased_after_it_and_chosen_before() -> None:
    model = Model(_calls("to_b"), _says("You have 5"))
    agent = model.agent(
        _asks("a", _to("b", actions=[{"action_id": "get"}])),
        {"id": "b", "instruction": "Tell {{ balance.status }}", "edges": [_to("end")]},
        actions=[{"id": "get", "method": "GET", "url": "http://[::1]:1/", "condition": "false",
                  "store_response_as": "balance"}],
    )  # fmt: skip
    thread = MemoryThread(agent)
    await thread.say("hi")
    assert await thread.say("balance?") == "You have 5"
    assert "reply" not in model.options(0)["to_b"]["properties"]
    assert model.options(1) == {}


async def test_staying_keeps_what_was_said_and_asks_for_the_rest() -> None:
    criteria = [{"key": "name", "description": "Name"}, {"key": "day", "description": "Day"}]
    model = Model(
        _says("Name and day?"), _calls("stay", name="Ada", reply="And the day?"), _calls("to_end", day="Friday")
    )
    thread = MemoryThread(model.agent(_tells("a", _to("end"), completion_criteria=criteria, allow_skip=False)))
    assert await thread.say("hi") == "Name and day?"
    assert await thread.say("Ada") == "And the day?"
    assert model.options()["to_end"]["required"] == ["day", "name"]
    assert await thread.say("Friday") == "Bye Ada"
    assert model.options()["to_end"]["required"] == ["day"]


async def test_an_answer_that_does_not_fit_is_corrected_twice_and_then_fails() -> None:
    wrong = _calls("to_end", name="A")
    model = Model(wrong, _says("I pick the first"), _calls("to_end", name="Ada"), wrong, wrong, wrong)
    agent = model.agent(_asks("a", _to("end", input_schema=NAME)))
    thread = MemoryThread(agent)
    await thread.say("hi")
    assert await thread.say("A") == "Bye Ada"
    assert "is too short" in str(model.asked[1][0])
    other = MemoryThread(agent)
    await other.say("hi")
    with pytest.raises(TurnFailed, match="the model's answer does not fit the flow"):
        await other.say("A")
    assert (_place(other).node, _place(other).values) == ("a", {})


async def test_a_failing_model_fails_the_turn_and_nothing_is_said() -> None:
    model = Model(ConnectionError("no model today"), _calls("to_end"))
    thread = MemoryThread(model.agent(_asks("a", _to("end"))))
    await thread.say("hi")
    with pytest.raises(ConnectionError):
        await thread.say("go")
    assert [message.text for message in thread.history if not message.failed] == ["hi", "[a]"]
    assert await thread.say("go") == "Bye "


async def test_max_turns_lead_to_the_fallback_without_the_model() -> None:
    model = Model(_calls("stay"), _calls("stay"))
    thread = MemoryThread(model.agent(_asks("a", _to("b"), {**_to("end"), "is_fallback": True}, max_turns=2),
                                      _asks("b", _to("end"))))  # fmt: skip
    assert [await thread.say(text) for text in ("hi", "x", "x", "x")] == ["[a]", "[a]", "[a]", "Bye "]
    assert len(model.asked) == 2
    assert "to_end" in model.options()


async def test_the_model_knows_the_flow_and_what_was_said() -> None:
    model = Model(_calls("to_end", name="Ada"))
    agent = model.agent(_asks("a", _to("end", input_schema=NAME)), environment_variables={"BANK": "Northwind"},
                        objective="Open an account", agent_tone="warm")  # fmt: skip
    thread = MemoryThread(agent)
    await thread.say("hello there")
    await thread.say("Ada")
    messages, info = model.asked[0]
    assert info.instructions is not None
    for known in ("You work for Northwind.", "Open an account", "warm"):
        assert known in info.instructions
    contents = [part.content for message in messages for part in message.parts if hasattr(part, "content")]
    assert contents == ["hello there", "[a]", ["Ada"]]


async def test_tools_are_called_before_the_choice_and_each_is_a_step() -> None:
    async def find(city: str) -> str:
        """Find something."""
        return f"found {city}"

    model = Model(_calls("find", city="Oslo"), _calls("to_end"))
    tool = {"id": "look", "name": "Look", "description": "Looks", "handler_id": "find"}
    thread = MemoryThread(model.agent(_asks("a", _to("end"), tools=[tool]), tools=[find]))
    await thread.say("hi")
    assert await thread.say("go") == "Bye "
    assert "found Oslo" in str(model.asked[1][0])
    assert len(thread.steps) == 3
    with pytest.raises(ConfigurationError, match='add a function named "find"'):
        model.agent(_asks("a", _to("end"), tools=[tool])).prepare()


async def test_another_attempt_of_a_turn_asks_the_model_nothing_again() -> None:
    model = Model(_calls("to_end", name="Ada"))
    agent = model.agent(_asks("a", _to("end", input_schema=NAME)))
    records: dict[str, bytes] = {}

    async def write(name: str, record: bytes, replies: Sequence[Reply]) -> None:
        records[name] = record

    for attempt in (1, 2):
        event = Event(delivery="x:1", thread="x:1", kind="message", text="Ada", author=Author("u"))
        turn = Turn(
            agent="flow", events=[event], history=[], attempt=attempt, state={"flows": {"flow": {"node": "a"}}},
            journal=Journal(dict(records), write),
        )  # fmt: skip
        assert await agent.think(turn) == "Bye Ada"
        turn.journal.close()
    assert len(model.asked) == 1


class Heard(Stream):
    """A stream that somebody hears."""

    live = True

    def __init__(self) -> None:
        self.said: dict[int, str] = {}
        self.states: list[str] = []

    def text(self, number: int, chunk: str) -> None:
        self.said[number] = self.said.get(number, "") + chunk
        self.states.append(self.said[number])

    def again(self, number: int) -> None:
        self.said.pop(number, None)


async def _speaking(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
    for piece in ("  ", "Once ", "upon ", "a time"):
        yield piece


@pytest.mark.parametrize("tools", [(), (len,)])
async def test_words_that_a_model_only_phrases_are_shown_while_it_says_them(tools: Sequence[Any]) -> None:
    edge = {"id": "e", "guard": "true", "target_node_id": "b"}
    nodes = [_asks("a", edge, auto_proceed=True), _tells("b", is_final=True)]
    flow = load({"initial_node": "a", "nodes": nodes})
    model = FunctionModel(lambda messages, info: _says("  Once upon a time"), stream_function=_speaking)
    agent, heard, records = Agent("flow", flow=flow, model=model, tools=tools), Heard(), dict[str, bytes]()
    whole = "[a]\n\n  Once upon a time"

    async def write(name: str, record: bytes, replies: Sequence[Reply]) -> None:
        records[name] = record

    for attempt in (1, 2):
        event = Event(delivery="x:1", thread="x:1", kind="message", text="Hi", author=Author("u"))
        turn = Turn(
            agent="flow", events=[event], history=[], attempt=attempt, state={}, stream=heard,
            journal=Journal(dict(records), write),
        )  # fmt: skip
        assert await agent.think(turn) == whole
        turn.journal.close()
        # Where a tool may be called in the middle, nobody knows yet whether these words are the reply.
        pieces = ["[a]\n\n  Once ", "[a]\n\n  Once upon "] if attempt == 1 and not tools else []
        assert [state for state in heard.states if state not in ("[a]", whole)] == pieces
        assert heard.said == {0: whole}
        heard.states.clear()
