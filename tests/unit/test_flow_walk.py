"""A walk through a flow that needs no model: guards, chains, limits, what is collected, what is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from answerback.agents import Agent
from answerback.agents.memory import MemoryThread
from answerback.errors import ConfigurationError, TurnFailed
from answerback.flows import load
from answerback.flows.definition import Action
from answerback.flows.engine import Walk
from answerback.flows.state import FlowState

END: dict[str, Any] = {"id": "end", "static_text": "Bye {{ name }}", "is_final": True}


class Dialog:
    """A conversation with a flow, with the actions it took; each is answered with the next of `results`."""

    def __init__(self, *nodes: dict[str, Any], results: tuple[dict[str, Any], ...] = (), **more: Any) -> None:
        self.flow = load({"initial_node": nodes[0]["id"], "nodes": [*nodes, END], **more})
        self.place = FlowState()
        self.done: list[str] = []
        self.shown: list[str] = []
        self._results = list(results)

    async def say(self, text: str = "") -> str:
        walk = Walk(
            self.flow, self.place, act=self._act, show=self.shown.append, message=text, user="Ada", at=1_700_000_000_000
        )
        return await walk.run()

    async def _act(self, action: Action, scope: Mapping[str, Any]) -> dict[str, Any]:
        self.done.append(action.id)
        self.shown.append(f"({action.id})")
        return self._results.pop(0) if self._results else {"success": True, "status": 200, "data": None}


def _asks(id: str, *edges: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id, "static_text": f"[{id}]", "edges": list(edges), **more}


def _to(target: str | None, guard: str | None = "true", **more: Any) -> dict[str, Any]:
    return {"id": f"to_{target}", "target_node_id": target, "guard": guard, **more}


def _collects(name: str, **field: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {name: field or {"type": "string"}}, "required": [name]}


def _action(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "method": "POST", "url": "https://example.com", **more}


async def test_the_first_message_is_answered_with_the_first_node() -> None:
    dialog = Dialog(_asks("a", _to("end")))
    assert await dialog.say("hello") == "[a]"
    assert await dialog.say("hello") == "Bye "
    assert dialog.place.visits == {"a": 1, "end": 1}


async def test_a_conversation_that_is_over_stays_so() -> None:
    dialog = Dialog(_asks("a", _to("end")))
    assert [await dialog.say() for _ in range(4)] == ["[a]", "Bye ", "Bye ", "Bye "]
    assert dialog.place.visits["end"] == 1


async def test_a_guard_decides_over_what_its_edge_collects() -> None:
    dialog = Dialog(
        _asks(
            "age",
            _to("name", "age >= 18", input_schema=_collects("age", type="integer")),
            _to("end", "age < 18", input_schema=_collects("age", type="integer")),
        ),
        _asks("name", _to("end", input_schema=_collects("name"))),
    )
    assert [await dialog.say(text) for text in ("hi", "forty", "40", "Ada")] == ["[age]", "[age]", "[name]", "Bye Ada"]
    assert dialog.place.values == {"age": 40, "name": "Ada"}


async def test_an_old_value_does_not_answer_a_new_question() -> None:
    dialog = Dialog(
        _asks("pin", _to("again", input_schema=_collects("pin", type="string", pattern="^[0-9]{4}$"))),
        _asks("again", _to("end", "message == 'ok'"), _to("pin", "message == 'no'")),
    )
    assert [await dialog.say(text) for text in ("", "1111", "no", "what?")] == ["[pin]", "[again]", "[pin]", "[pin]"]


async def test_nodes_that_wait_for_nobody_are_passed_in_the_same_turn() -> None:
    dialog = Dialog(
        _asks("a", _to("route")),
        {"id": "route", "edges": [_to("gold", "points > 9"), _to("plain", None, condition="otherwise")]},
        _asks("gold", _to("end"), auto_proceed=True),
        _asks("plain", _to("end"), auto_proceed=True),
    )
    dialog.place.values["points"] = 3
    assert await dialog.say() == "[a]"
    assert await dialog.say() == "[plain]\n\nBye "
    other = Dialog(*[node.model_dump() for node in dialog.flow.nodes[:-1]])
    other.place = FlowState(node="a", values={"points": 10})
    assert await other.say() == "[gold]\n\nBye "


async def test_what_is_said_is_shown_before_what_is_done_behind_it() -> None:
    dialog = Dialog(
        _asks("a", _to("b", actions=[{"action_id": "slow"}]), auto_proceed=True),
        _asks("b", _to("c"), auto_proceed=True, actions=[{"action_id": "again"}]),
        {"id": "c", "static_text": " {{ nothing }}", "auto_proceed": True, "edges": [_to("end")]},
        actions=[_action("slow"), _action("again")],
    )
    assert await dialog.say() == "[a]\n\n[b]\n\nBye "
    assert dialog.shown == ["[a]", "(slow)", "(again)", "[a]\n\n[b]", "[a]\n\n[b]\n\nBye "]


async def test_a_circle_of_nodes_that_wait_for_nobody_fails_in_words() -> None:
    dialog = Dialog(
        {"id": "a", "edges": [_to("b"), _to("end", "stop")]},
        {"id": "b", "edges": [_to("a")]},
    )
    with pytest.raises(TurnFailed, match=r"passed 100 nodes without waiting for an answer: .* b → a → b"):
        await dialog.say()


async def test_a_router_without_an_open_edge_fails_in_words() -> None:
    dialog = Dialog({"id": "a", "edges": [_to("end", "missing")]})
    with pytest.raises(TurnFailed, match='cannot continue from node "a"'):
        await dialog.say()


async def test_a_fallback_is_taken_when_no_guard_holds() -> None:
    dialog = Dialog(_asks("a", _to("a", "message == 'again'"), _to("end", None, is_fallback=True)))
    assert [await dialog.say(text) for text in ("", "again", "what?")] == ["[a]", "[a]", "Bye "]


async def test_with_max_turns_a_fallback_waits_until_they_are_over() -> None:
    dialog = Dialog(_asks("a", _to("a", "false"), _to("end", None, is_fallback=True), max_turns=2))
    assert [await dialog.say("x") for _ in range(4)] == ["[a]", "[a]", "[a]", "Bye "]


async def test_turns_and_visits_are_counted_and_can_be_asked_for() -> None:
    dialog = Dialog(
        {"id": "a", "static_text": "turn {{ turns }} visit {{ visits }} {{ user }} {{ current_date }}",
         "edges": [_to("a", "message == 'again'"), _to("end", "visits > 1 and turns > 1")]},
    )  # fmt: skip
    said = [(await dialog.say(text)).partition(" Ada")[0] for text in ("", "x", "again", "x", "x")]
    assert said == ["turn 0 visit 1", "turn 1 visit 1", "turn 0 visit 2", "turn 1 visit 2", "Bye "]


async def test_without_allow_skip_an_edge_waits_for_what_is_required() -> None:
    criteria = [{"key": "name", "description": "Their name"}, {"key": "note", "required": False}]
    edges = [_to("end", "message == 'next'"), _to("a", input_schema=_collects("name"), id="name", is_fallback=True)]
    held = Dialog(_asks("a", *edges, completion_criteria=criteria, allow_skip=False))
    assert [await held.say(text) for text in ("", "next")] == ["[a]", "[a]"]
    assert held.place.values == {"name": "next"}
    assert await held.say("next") == "Bye next"
    free = Dialog(_asks("a", *edges, completion_criteria=criteria))
    assert [await free.say(text) for text in ("", "next")] == ["[a]", "Bye "]


async def test_an_edges_own_criteria_hold_it_always() -> None:
    dialog = Dialog(_asks("a", _to("end", criteria=[{"key": "paid", "description": "Payment"}])))
    assert [await dialog.say() for _ in range(2)] == ["[a]", "[a]"]
    dialog.place.values["paid"] = True
    assert await dialog.say() == "Bye "


async def test_a_global_edge_leads_aside_and_back() -> None:
    dialog = Dialog(
        _asks("a", _to("b", "message == 'go'")),
        _asks("b", _to("end", "message == 'go'"), interruptible=False),
        {"id": "help", "static_text": "[help]"},
        global_edges=[_to("help", "message == 'help'")],
    )
    assert await dialog.say() == "[a]"
    assert await dialog.say("help") == "[help]\n\n[a]"
    assert await dialog.say("go") == "[b]"
    assert await dialog.say("help") == "[b]"
    assert await dialog.say("go") == "Bye "


async def test_an_edge_without_a_target_stays() -> None:
    dialog = Dialog(
        _asks("a", _to(None, "message == 'log'", actions=[{"action_id": "log"}]), _to("end", "message == 'go'")),
        actions=[_action("log")],
    )
    assert [await dialog.say(text) for text in ("", "log", "log", "go")] == ["[a]", "[a]", "[a]", "Bye "]
    assert dialog.done == ["log", "log"]
    assert dialog.place.visits["a"] == 1


async def test_actions_are_taken_in_order_and_their_results_are_known() -> None:
    trigger = {"action_id": "leave", "trigger": "on_exit"}
    dialog = Dialog(
        _asks("a", _to("b", actions=[{"action_id": "way"}]), actions=[trigger]),
        {
            "id": "b",
            "static_text": "{{ found.data.name }} {{ TOKEN }} {{ actions.found.status }} {{ env.TOKEN }}",
            "actions": [{"action_id": "enter", "trigger": "on_enter"}],
            "edges": [_to("end", "found.success")],
        },
        actions=[
            _action("leave"),
            _action("way", store_response_as="found", env_updates=[{"env_key": "TOKEN", "result_path": "data.token"}]),
            _action("enter", condition="{{ missing }}"),
        ],
        environment_variables={"TOKEN": "old"},
        results=({}, {"success": True, "status": 200, "data": {"name": "Ada", "token": "t0"}}),
    )
    await dialog.say()
    assert await dialog.say() == "Ada t0 200 t0"
    assert dialog.done == ["leave", "way"]
    assert await dialog.say() == "Bye "


async def test_an_action_that_runs_once_is_tried_until_it_succeeds() -> None:
    failed = {"success": False, "status": 500, "data": None}
    dialog = Dialog(
        _asks("a", _to("a"), _to("end", "false"), actions=[{"action_id": "once", "trigger": "on_enter"}]),
        actions=[_action("once", run_once=True)],
        results=(failed,),
    )
    for _ in range(4):
        await dialog.say()
    assert dialog.done == ["once", "once"]


async def test_the_environment_of_the_process_goes_before_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    dialog = Dialog({**_asks("a", _to("end")), "static_text": "{{ BANK }} {{ OTHER }}"},
                    environment_variables={"BANK": "file"})  # fmt: skip
    monkeypatch.setenv("BANK", "process")
    monkeypatch.setenv("OTHER", "not declared")
    assert await dialog.say() == "process "


async def test_a_node_that_is_gone_from_the_flow_means_to_begin_anew() -> None:
    dialog = Dialog(_asks("a", _to("end")))
    dialog.place = FlowState(node="old", values={"name": "Ada"})
    assert await dialog.say() == "[a]"
    assert await dialog.say() == "Bye Ada"


async def test_a_place_is_kept_for_each_agent_of_a_thread() -> None:
    state: dict[str, Any] = {"mine": 1}
    FlowState(node="a", values={"x": 1}, turns=2).save(state, "kyc")
    FlowState(node="b").save(state, "other")
    assert FlowState.of(state, "kyc") == FlowState(node="a", values={"x": 1}, turns=2)
    assert FlowState.of(state, "nobody") == FlowState()
    assert state["mine"] == 1


async def test_an_agent_is_a_flow_and_one_that_needs_a_model_says_so() -> None:
    flow = load({"initial_node": "a", "nodes": [_asks("a", _to("end")), END]})
    thread = MemoryThread(Agent("kyc", flow=flow))
    assert [await thread.say(text) for text in ("hi", "yes")] == ["[a]", "Bye "]
    prose = load({"initial_node": "a", "nodes": [_asks("a", _to("end", None, condition="They agree")), END]})
    with pytest.raises(ConfigurationError, match=r'its flow needs a model.*\n.*edge "to_end": its condition is prose'):
        Agent("kyc", flow=prose).prepare()
    with pytest.raises(ConfigurationError, match="exactly one of"):
        Agent("kyc", lambda turn: turn, flow=flow)
    with pytest.raises(ConfigurationError, match="system_prompt"):
        Agent("kyc", flow=flow, instructions="Be brief")
