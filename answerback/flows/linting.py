"""Check a flow for errors and possible mistakes.

An error makes every conversation fail that reaches it. Everything else is a doubt: a warning, and the flow still runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple

from answerback.flows import schema, templates
from answerback.flows.definition import Action, Criterion, Edge, Flow, Node, ToolDefinition, Trigger
from answerback.flows.graph import dead_ends, reachable, without_end


class Problem(NamedTuple):
    """A finding: where (`nodes[2] "ask_name" edges[0] "to_end"`), and what. A `doubt` is only a warning."""

    where: str
    what: str
    doubt: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


def problems(flow: Flow) -> list[Problem]:
    """Return the errors because of which the flow cannot run."""
    return [problem for problem in _all(flow) if not problem.doubt]


def doubts(flow: Flow) -> list[Problem]:
    """Return the warnings: the flow runs, but this may be a mistake."""
    return [problem for problem in _all(flow) if problem.doubt]


def _all(flow: Flow) -> Iterator[Problem]:
    yield from _nodes(flow)
    yield from _global_edges(flow)
    yield from _actions(flow)
    yield from _tools(flow.tools, "tools")
    yield from _ways(flow)
    for edge in flow.lost_edges:
        named = f'edges "{edge["id"]}"' if isinstance(edge, dict) and isinstance(edge.get("id"), str) else "edges"
        yield Problem(named, "its source is not a node", doubt=True)


def _nodes(flow: Flow) -> Iterator[Problem]:
    if not flow.nodes:
        yield Problem("", "it has no nodes")
    yield from _twice("nodes", [node.id for node in flow.nodes])
    if flow.initial_node not in flow.by_id:
        yield Problem("", f'initial_node: there is no node "{flow.initial_node}"{_near(flow.initial_node, flow.by_id)}')
    yield from _text("system_prompt", "", flow.system_prompt)
    seen = reachable(flow) if flow.initial_node in flow.by_id else set(flow.by_id)
    for number, node in enumerate(flow.nodes):
        where = f'nodes[{number}] "{node.id}"'
        for problem in _node(flow, node, where):
            # An error in an unreachable node does no harm.
            yield problem if node.id in seen else problem._replace(doubt=True)
        yield from _twice(f"{where} edges", [edge.id for edge in node.edges], doubt=True)
        for index, edge in enumerate(node.edges):
            place = f'{where} edges[{index}] "{edge.id}"'
            yield from _target(flow, edge, place)
            if node.passes and len(node.edges) == 1:
                # The only edge of a node that does not wait is always taken.
                edge = edge.model_copy(update={"condition": edge.condition or "always"})
            for problem in _edge(flow, edge, place):
                yield problem if node.id in seen else problem._replace(doubt=True)


def _node(flow: Flow, node: Node, where: str) -> Iterator[Problem]:
    if node.kind == "static" and not node.static_text:
        yield Problem(where, "it is static but has no static_text, so it sends nothing", doubt=True)
    if node.kind == "instruction" and not node.instruction:
        yield Problem(where, "it is an instruction node without an instruction, so it sends nothing", doubt=True)
    if node.kind == "router" and not node.edges:
        yield Problem(where, "it has neither a text nor edges")
    yield from _text(where, "static_text", node.static_text)
    yield from _text(where, "instruction", node.instruction)
    yield from _triggers(flow, node.actions, where)
    yield from _criteria(node.completion_criteria, f"{where} completion_criteria")
    for tool in node.tools:
        if isinstance(tool, str) and tool not in (tools := [one.id for one in flow.tools]):
            yield Problem(where, f'tools: there is no tool "{tool}"{_near(tool, tools)}', doubt=True)
    yield from _tools([tool for tool in node.tools if isinstance(tool, ToolDefinition)], f"{where} tools")


def _global_edges(flow: Flow) -> Iterator[Problem]:
    yield from _twice("global_edges", [edge.id for edge in flow.global_edges], doubt=True)
    for index, edge in enumerate(flow.global_edges):
        place = f'global_edges[{index}] "{edge.id}"'
        yield from _target(flow, edge, place)
        yield from _edge(flow, edge, place)


def _target(flow: Flow, edge: Edge, where: str) -> Iterator[Problem]:
    target = edge.target_node_id
    if target is not None and target not in flow.by_id:
        yield Problem(where, f'target_node_id: there is no node "{target}"{_near(target, flow.by_id)}')


def _edge(flow: Flow, edge: Edge, where: str) -> Iterator[Problem]:
    if not (edge.condition.strip() or edge.guard or edge.is_fallback):
        yield Problem(where, "it has no condition: give it a condition, a guard or is_fallback", doubt=True)
    if edge.guard is not None and (fault := templates.fault(edge.guard, guard=True)):
        yield Problem(where, f"guard {edge.guard!r} is invalid: {fault}")
    if edge.input_schema is not None and (fault := schema.fault(edge.input_schema)):
        yield Problem(where, f"input_schema {fault}")
    yield from _text(where, "condition", edge.condition)
    yield from _triggers(flow, edge.actions, where)
    yield from _criteria(edge.criteria, f"{where} criteria")


def _actions(flow: Flow) -> Iterator[Problem]:
    yield from _twice("actions", [action.id for action in flow.actions])
    for number, action in enumerate(flow.actions):
        where = f'actions[{number}] "{action.id}"'
        yield from _request(action, where)
        if action.condition is not None and (fault := templates.fault(action.condition, guard=True)):
            yield Problem(where, f"condition {action.condition!r} is invalid: {fault}")
        for name in (action.store_response_as, *(update.env_key for update in action.env_updates)):
            if name is not None and not name.isidentifier():
                yield Problem(where, f'"{name}" cannot be the name of a variable: no text can use it', doubt=True)


def _request(action: Action, where: str) -> Iterator[Problem]:
    yield from _text(where, "url", action.url)
    if not action.url.lstrip().startswith(("http://", "https://", "{{", "{%")):
        yield Problem(where, f'url: "{action.url}" must begin with http://, https:// or a variable')
    yield from _text(where, "body", action.body)
    for name, value in action.headers.items():
        yield from _text(where, f'headers "{name}"', value)


def _tools(tools: Iterable[ToolDefinition], place: str) -> Iterator[Problem]:
    tools = list(tools)
    yield from _twice(place, [tool.id for tool in tools])
    for number, tool in enumerate(tools):
        where = f'{place}[{number}] "{tool.id}"'
        if tool.type == "http" and not tool.url:
            yield Problem(where, "an http tool needs a url")
        yield from _text(where, "url", tool.url)
        if tool.input_schema and (fault := schema.fault(tool.input_schema)):
            yield Problem(where, f"input_schema {fault}")


def _ways(flow: Flow) -> Iterator[Problem]:
    """Find unreachable nodes, and nodes from which no final node is reachable."""
    if flow.initial_node not in flow.by_id:
        return
    seen = reachable(flow)
    stuck = without_end(flow)
    ends = dead_ends(flow)
    for number, node in enumerate(flow.nodes):
        where = f'nodes[{number}] "{node.id}"'
        if node.id not in seen:
            yield Problem(where, "it cannot be reached", doubt=True)
        elif node.id in stuck and node.id not in ends:
            yield Problem(where, "no final node can be reached from it", doubt=True)


def _triggers(flow: Flow, triggers: Iterable[Trigger], where: str) -> Iterator[Problem]:
    for trigger in triggers:
        if trigger.action_id not in flow.actions_by_id:
            hint = _near(trigger.action_id, flow.actions_by_id)
            yield Problem(where, f'actions: there is no action "{trigger.action_id}"{hint}')


def _criteria(criteria: Iterable[Criterion], where: str) -> Iterator[Problem]:
    criteria = list(criteria)
    yield from _twice(where, [criterion.key for criterion in criteria], doubt=True)
    for criterion in criteria:
        if not criterion.key.isidentifier():
            yield Problem(where, f'"{criterion.key}" cannot be the name of a variable: no text can use it', doubt=True)


def _text(where: str, field: str, text: str | None) -> Iterator[Problem]:
    if text and (fault := templates.fault(text)):
        yield Problem(where, f"{field} is invalid: {fault}".lstrip())


def _twice(where: str, ids: list[str], *, doubt: bool = False) -> Iterator[Problem]:
    for id, count in Counter(ids).items():
        if count > 1:
            yield Problem(where, f'"{id}" appears {count} times', doubt)


def _near(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f' (did you mean "{close[0]}"?)' if close else ""
