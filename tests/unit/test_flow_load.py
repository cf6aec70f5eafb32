"""A flow is read in every form it is written in, and all that is wrong with it is said at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from answerback.errors import ConfigurationError, FlowError
from answerback.flows import load
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
        'nodes: "z" is there 2 times',
        'initial_node: there is no node "aa" (did you mean "a"?)',
        'nodes[0] "a": actions: there is no action "tel" (did you mean "tell"?)',
        'nodes[0] "a" edges: "end" is there 2 times',
        'nodes[0] "a" edges[0] "end": target_node_id: there is no node "zz" (did you mean "z"?)',
        "nodes[0] \"a\" edges[1] \"end\": guard 'age >' cannot be read: unexpected 'end of template'",
        (
            'nodes[0] "a" edges[2] "more": input_schema describes a string: it must be an object whose "properties" '
            "are what is collected"
        ),
        (
            'nodes[0] "a" edges[3] "other": input_schema is no JSON schema: '
            "type: 'objekt' is not valid under any of the given schemas"
        ),
        'nodes[0] "a" edges[4] "never": nothing says when it is taken: give it a condition, a guard or is_fallback',
        "nodes[1] \"b\": static_text cannot be read: unexpected end of template, expected 'end of print statement'",
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
    assert _problems(flow) == [
        'nodes[1] "b": no way leads from it to a final node',
        'nodes[2] "c": no way leads from it to a final node',
        'nodes[3] "d": no way leads to it',
    ]


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
    assert models_part(flow) == ['node "a", edge "end": its condition is prose, and it has no guard']
    flow = load(
        _flow({**_a(_edge("end", "z")), "auto_proceed": True}, {**END, "static_text": None, "instruction": "Go"})
    )
    assert models_part(flow) == ['node "z" has an instruction, which a model turns into words']


def test_the_example_is_good() -> None:
    assert load(EXAMPLE) == load(json.loads(EXAMPLE.read_text()))
