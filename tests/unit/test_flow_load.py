"""A flow is read in every form it is written in, and all that is wrong with it is said at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from answerback.errors import ConfigurationError, FlowError
from answerback.flows import load
from answerback.flows.advice import advice
from answerback.flows.guards import guard_of, models_part

EXAMPLE = Path(__file__).parents[2] / "examples/kyc/kyc.json"


def _flow(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"system_prompt": "", "initial_node": "a", "nodes": list(nodes), **more}


def _edge(id: str, target: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "condition": f"on to {target}", "target_node_id": target, **more}


END = {"id": "z", "name": "End", "static_text": "Bye", "is_final": True}


def _a(*edges: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "a", "name": "A", "static_text": "Hello", "edges": list(edges), **more}


def _problems(flow: Any) -> list[str]:
    with pytest.raises(FlowError) as raised:
        load(flow)
    return list(raised.value.problems)


def test_a_flow_as_superdialog_writes_it_is_read_whole() -> None:
    flow = load(
        _flow(
            {
                "id": "a",
                "name": "A",
                "instruction": "Greet",
                "is_final": None,
                "langGraph": {"what": "ever"},
                "actions": [{"trigger": "on_exit", "action_id": "tell"}],
                "completion_criteria": [{"key": "name", "description": "Their name"}],
                "tools": [{"id": "find", "name": "Find", "description": "Finds", "handler_id": "finder"}, "other"],
                "edges": [_edge("end", "z", criteria=None)],
            },
            END,
            global_actions=[
                {
                    "id": "tell",
                    "name": "Tell",
                    "method": "post",
                    "url": "https://example.com/{{ name }}",
                    "headers": [{"key": "X-Key", "value": "{{ KEY }}"}],
                    "body": {"name": "{{ name }}"},
                    "env_updates": [{"env_key": "TOKEN", "result_path": "data.token"}],
                }
            ],
            env_vars=[{"key": "KEY", "value": "k"}, {"key": "PORT", "value": 80}],
            tools=[{"id": "other", "name": "Other", "description": "", "type": "http", "url": "https://example.com"}],
            agent_language="en",
        )
    )
    assert flow.environment_variables == {"KEY": "k", "PORT": "80"}
    [action] = flow.actions
    assert (action.method, action.headers, action.body) == ("POST", {"X-Key": "{{ KEY }}"}, '{"name": "{{ name }}"}')
    assert action.env_updates[0].result_path == "data.token"
    assert flow.nodes[0].kind == "instruction"


def test_pairs_may_be_an_object_or_a_list_of_key_and_value() -> None:
    headers = [{"key": "A", "value": "1"}]
    action = {"id": "x", "name": "X", "method": "GET", "url": "https://example.com"}
    one = load(
        _flow(_a(_edge("end", "z")), END, actions=[{**action, "headers": headers, "env_updates": {"T": "data"}}])
    )
    two = load(
        _flow(
            _a(_edge("end", "z")),
            END,
            actions=[{**action, "headers": {"A": "1"}, "env_updates": [{"key": "T", "value": "data"}]}],
        )
    )
    assert one == two


def test_the_export_of_the_react_flow_editor_means_the_same() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    export = {
        "config": {"systemPrompt": "Be kind", "initialNodeId": "a"},
        "nodes": [
            {
                "id": "a",
                "type": "flowNode",
                "position": {"x": 1, "y": 2},
                "data": {"label": "A", "responseMode": "static", "staticResponse": "Hello", "instructions": "old"},
            },
            {"id": "b", "data": {"name": "B", "responseMode": "llm", "staticResponse": "old", "instructions": "Thank"}},
            {"id": "z", "data": {"name": "End", "staticResponse": "Bye", "isFinal": True}},
        ],
        "edges": [
            {"id": "e1", "source": "a", "target": "b", "label": "says it", "data": {"inputSchema": schema}},
            {"id": "e2", "source": "b", "target": "z", "data": {"condition": "done", "isFallback": True}},
        ],
    }
    assert load(export) == load(
        {
            "system_prompt": "Be kind",
            "initial_node": "a",
            "nodes": [
                _a({"id": "e1", "condition": "says it", "target_node_id": "b", "input_schema": schema}),
                {
                    "id": "b",
                    "name": "B",
                    "instruction": "Thank",
                    "edges": [{"id": "e2", "condition": "done", "target_node_id": "z", "is_fallback": True}],
                },
                END,
            ],
        }
    )


def test_all_that_is_wrong_is_said_at_once_and_where() -> None:
    flow = _flow(
        _a(
            _edge("end", "zz"),
            _edge("end", "z", guard="age >"),
            _edge("more", "b", input_schema={"type": "string"}),
            _edge("other", "b", input_schema={"type": "objekt"}),
            {"id": "never", "target_node_id": "z"},
            actions=[{"action_id": "tel", "trigger": "on_enter"}],
        ),
        {"id": "b", "name": "B", "static_text": "Hi {{ name"},
        {"id": "c", "name": "C", "instruction": "Nobody comes here", "edges": [_edge("end", "z")]},
        END,
        {**END, "id": "z"},
        initial_node="aa",
        actions=[{"id": "tell", "method": "GET", "url": "file:///etc/passwd"}],
    )
    assert _problems(flow) == [
        'nodes: "z" appears 2 times',
        'initial_node: there is no node "aa" (did you mean "a"?)',
        'nodes[0] "a": actions: there is no action "tel" (did you mean "tell"?)',
        'nodes[0] "a" edges[0] "end": target_node_id: there is no node "zz" (did you mean "z"?)',
        "nodes[0] \"a\" edges[1] \"end\": guard 'age >' is invalid: unexpected 'end of template'",
        (
            'nodes[0] "a" edges[2] "more": input_schema describes a string: it must describe an object whose '
            '"properties" are the values to collect'
        ),
        (
            'nodes[0] "a" edges[3] "other": input_schema is not a JSON schema: '
            "type: 'objekt' is not valid under any of the given schemas"
        ),
        "nodes[1] \"b\": static_text is invalid: unexpected end of template, expected 'end of print statement'",
        'actions[0] "tell": url: "file:///etc/passwd" must begin with http://, https:// or a variable',
    ]


def test_what_has_the_wrong_type_does_not_hide_the_rest() -> None:
    found = _problems(_flow(_a(_edge("end", "zz"), max_turns="many"), END))
    assert found[0].startswith('nodes[0] "a": max_turns must')
    assert 'nodes[0] "a" edges[0] "end": target_node_id: there is no node "zz" (did you mean "z"?)' in found


def test_nodes_that_nobody_comes_to_or_out_of_are_found() -> None:
    flow = _flow(
        _a(_edge("b", "b"), _edge("end", "z")),
        {"id": "b", "static_text": "Round", "edges": [_edge("c", "c")]},
        {"id": "c", "static_text": "and round", "edges": [_edge("b", "b")]},
        {"id": "d", "static_text": "Lonely", "edges": [_edge("end", "z")]},
        END,
    )
    assert advice(load(flow)) == [
        'nodes[1] "b": no final node can be reached from it',
        'nodes[2] "c": no final node can be reached from it',
        'nodes[3] "d": it cannot be reached',
    ]


@pytest.mark.parametrize(
    ("flow", "doubt"),
    [
        (_flow({**_a(_edge("end", "z")), "static_text": None, "node_type": "static"}, END), "has no static_text"),
        (_flow({**_a(_edge("end", "z")), "node_type": "instruction"}, END), "without an instruction"),
        (_flow(_a(_edge("end", "z"), tools=["lost"]), END), 'there is no tool "lost"'),
        (_flow(_a(_edge("end", "z"), _edge("end", "z")), END), '"end" appears 2 times'),
        (_flow(_a(_edge("end", "z")), END, global_edges=[_edge("g", "z"), _edge("g", "z")]), '"g" appears 2 times'),
        (_flow(_a({"id": "never", "target_node_id": "z"}), END), "it has no condition"),
        (_flow(_a(_edge("end", "z"), completion_criteria=[{"key": "first name"}]), END), "the name of a variable"),
        (_flow(_a(_edge("end", "z"), completion_criteria=[{"key": "x"}, {"key": "x"}]), END), '"x" appears 2 times'),
        (
            _flow(
                _a(_edge("end", "z")), END,
                actions=[{"id": "x", "method": "GET", "url": "https://x", "store_response_as": "the-result"}],
            ),
            "the name of a variable",
        ),
        (_flow(_a(_edge("end", "z")), {"id": "lost"}, END), "it has neither a text nor edges"),
        (
            _flow(_a(_edge("end", "z")), {"id": "lost", "static_text": "{{ x", "edges": [_edge("e", "z")]}, END),
            "is invalid",
        ),
        (
            {"config": {"initialNodeId": "a"},
             "nodes": [{"id": "a", "data": {"staticResponse": "Hi", "isFinal": True}}],
             "edges": [{"id": "e1", "source": "deleted", "target": "a"}]},
            'edges "e1": its source is not a node',
        ),
    ],
)  # fmt: skip
def test_what_keeps_nothing_from_working_is_a_doubt_and_no_error(flow: Any, doubt: str) -> None:
    assert [found for found in advice(load(flow)) if doubt in found]


@pytest.mark.parametrize(
    "flow",
    [
        _flow(_a(_edge("end", "z")), END, initial_node="b"),
        _flow(_a(_edge("end", "z")), END, END),
        _flow(_a(_edge("b", "b")), {"id": "b"}, END),
        _flow(_a(_edge("end", "z"), static_text="{{ x"), END),
        _flow(_a(_edge("end", "z")), {"id": "lost", "static_text": "Hi", "edges": [_edge("e", "nowhere")]}, END),
        _flow(_a(_edge("end", "z", guard="x >")), END),
        _flow(_a(_edge("end", "z"), actions=[{"action_id": "lost"}]), END),
    ],
)
def test_what_makes_a_conversation_fail_is_an_error(flow: Any) -> None:
    assert _problems(flow)


def test_the_only_way_on_from_a_node_that_waits_for_nobody_needs_no_condition() -> None:
    flow = _flow(_a({"id": "on", "target_node_id": "z"}, auto_proceed=True), END)
    assert (advice(load(flow)), models_part(load(flow))) == ([], [])


@pytest.mark.parametrize(
    ("instruction", "kind", "passes"),
    [
        ("Read the disclaimer. Proceed immediately — no caller response needed.", "instruction", True),
        ("Thank them. No response needed.", "instruction", True),
        ("Say goodbye and proceed directly to the end.", "instruction", True),
        ("Final check - silent, automatic. proceed immediately. ZERO speech.", "router", True),
        ("Silent routing node: look at the age.", "router", True),
        ("Do not output any text. Route by age.", "router", True),
        ("Your only output must be a tool call.", "router", True),
        ("Do not speak to the caller at all.", "router", True),
        ("If the caller stays silent, ask again.", "instruction", False),
        ("Ask whether a response is needed at the weekend.", "instruction", False),
    ],
)
def test_what_older_flows_say_in_prose_is_understood(instruction: str, kind: str, passes: bool) -> None:
    node = {"id": "a", "instruction": instruction, "edges": [_edge("end", "z")]}
    found = load(_flow(node, END)).nodes[0]
    assert (found.kind, found.passes) == (kind, passes)
    told = load(_flow({**node, "node_type": "instruction"}, END)).nodes[0]
    assert told.kind == "instruction", "what has its field is not guessed"
    assert not load(_flow(_a(_edge("b", "b")), {**node, "id": "b", "edges": []}, END)).by_id["b"].passes


def test_a_node_that_a_global_edge_leads_aside_to_needs_no_way_on() -> None:
    help_node = {"id": "help", "static_text": "We are open all day"}
    load(_flow(_a(_edge("end", "z")), help_node, END, global_edges=[_edge("help", "help")]))


def test_a_file_that_is_no_json_says_where(tmp_path: Path) -> None:
    path = tmp_path / "flow.json"
    path.write_text('{"nodes": [\n  oops\n]}')
    with pytest.raises(FlowError, match="line 2, column 3"):
        load(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path / "missing.json")
    path.write_text("[]")
    with pytest.raises(FlowError, match="must be an object"):
        load(path)
    # How much Python itself reads differs with its version.
    for depth in (600, 5_000, 50_000, 1_000_000):
        path.write_text('{"a":' * depth + "1" + "}" * depth)
        with pytest.raises(FlowError, match="nested too deeply"):
            load(path)


@pytest.mark.parametrize(
    ("condition", "guard"),
    [
        ("booking.success == true", "booking.success"),
        ("booking.success is true — route to done", "booking.success"),
        ("booking.success is false", "not booking.success"),
        ("not booking.success", "not booking.success"),
        ("booking.status == 404", "booking.status == 404"),
        ("booking.success is true and the user is happy", None),
        ("other.success is true", None),
    ],
)
def test_a_condition_about_a_result_needs_no_model(condition: str, guard: str | None) -> None:
    action = {"id": "book", "method": "POST", "url": "https://example.com", "store_response_as": "booking"}
    flow = load(_flow(_a({**_edge("end", "z"), "condition": condition}), END, actions=[action]))
    assert guard_of(flow, flow.nodes[0].edges[0]) == guard


def test_what_needs_a_model_is_told() -> None:
    assert models_part(load(EXAMPLE)) == []
    flow = load(_flow(_a(_edge("end", "z")), END))
    assert models_part(flow) == ['node "a", edge "end": its condition is prose, without a guard']
    flow = load(
        _flow({**_a(_edge("end", "z")), "auto_proceed": True}, {**END, "static_text": None, "instruction": "Go"})
    )
    assert models_part(flow) == ['node "z" has an instruction, which a model must phrase']


def test_no_turns_at_all_is_no_limit() -> None:
    for none in (0, None):
        assert load(_flow(_a(_edge("end", "z"), max_turns=none), END)).nodes[0].max_turns is None
    assert _problems(_flow(_a(_edge("end", "z"), max_turns=-1), END))


def test_the_example_is_good() -> None:
    assert load(EXAMPLE) == load(json.loads(EXAMPLE.read_text()))
