"""The options that a model chooses from: each is a function with the values to collect and the replies to write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from answerback.flows import schema, templates
from answerback.flows.definition import Action, Criterion, Edge, Flow, Node, Trigger
from answerback.flows.guards import guard_of
from answerback.flows.state import FlowState

PATHS = 32


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One path from a node: the edges that are taken; none means to stay.

    Attributes:
        schema: JSON schema of the function's arguments: the values to collect, and the replies.
        replies: Name of the argument with the reply at each node of the path, by the node's id.
    """

    name: str
    description: str
    path: tuple[Edge, ...]
    schema: dict[str, Any]
    replies: dict[str, str]

    def collected(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return the collected values in `args`, without the replies and without None."""
        texts = self.replies.values()
        return {name: value for name, value in args.items() if name not in texts and value is not None}


def options(flow: Flow, node: Node, edges: Sequence[Edge], place: FlowState, scope: Mapping[str, Any]) -> list[Option]:
    """Return an option for each edge, extended through routers, and one to stay where that is possible."""
    paths = [path for edge in edges for path in _paths(flow, node, edge)]
    if len(paths) > PATHS:
        paths = [(edge,) for edge in edges]
    choices = [_option(flow, node, path, place, scope) for path in paths]
    if not node.passes:
        choices.append(_stay(node, edges, scope))
    taken: set[str] = set()
    return [msgspec.structs.replace(option, name=_free(option.name, taken)) for option in choices]


def _paths(flow: Flow, node: Node, edge: Edge, seen: tuple[str, ...] = ()) -> list[tuple[Edge, ...]]:
    """Return the edge and its continuations through nodes that do not wait and can be decided now."""
    target = flow.by_id[edge.target_node_id or node.id]
    if not target.passes or target.id in (node.id, *seen) or _learned(flow, node, edge, target):
        return [(edge,)]
    onward = [way for way in target.edges if guard_of(flow, way) is None and not way.is_fallback]
    return [(edge, *rest) for way in onward for rest in _paths(flow, target, way, (*seen, node.id))] or [(edge,)]


def _learned(flow: Flow, node: Node, edge: Edge, target: Node) -> set[str]:
    """Return the variables that actions set between a node and the reply of the next."""
    leaving = [trigger for trigger in node.actions if trigger.trigger == "on_exit"]
    entering = [trigger for trigger in target.actions if trigger.trigger == "on_enter"]
    actions = [flow.actions_by_id[trigger.action_id] for trigger in [*leaving, *edge.actions, *entering]]
    return {name for action in actions for name in sets(action)}


def sets(action: Action) -> set[str]:
    """Return the variables that an action sets."""
    stored = {action.store_response_as} if action.store_response_as else set()
    return stored | {update.env_key for update in action.env_updates}


def _option(flow: Flow, node: Node, path: tuple[Edge, ...], place: FlowState, scope: Mapping[str, Any]) -> Option:
    fields: dict[str, Any] = {}
    needed: set[str] = set()
    instructions: dict[str, str] = {}
    learned: set[str] = set()
    reasons: list[str] = []
    here = node
    for number, edge in enumerate(path):
        fields |= schema.fields(edge.input_schema)
        needed |= set(schema.required(edge.input_schema))
        fields |= {one.key: _criterion(one) for one in _criteria(node, edge) if one.key not in fields}
        needed |= {one.key for one in _held_by(node, edge, first=number == 0)}
        why = _why(flow, edge, scope)
        # The instruction of a silent step is passed on here, since no reply will mention it.
        silent = number > 0 and here.kind == "router" and here.instruction
        reasons.append(f"{why} (the step: {_with_gaps(here.instruction or '', scope, fields)})" if silent else why)
        target = flow.by_id[edge.target_node_id or here.id]
        learned |= _learned(flow, here, edge, target)
        if target.phrased and not learned & _asked(target.phrased):
            instructions[target.id] = _with_gaps(target.phrased, scope, fields)
        here = target
    wanted = {name for name in needed if not place.knows(name)}
    name = path[0].id if len(path) == 1 else path[-1].id
    return _built(name, "; then: ".join(reasons), path, fields, wanted, instructions, path[0].input_schema)


def _stay(node: Node, edges: Sequence[Edge], scope: Mapping[str, Any]) -> Option:
    fields = {one.key: _criterion(one) for one in node.completion_criteria}
    for edge in edges:
        fields = schema.fields(edge.input_schema) | fields
    instructions = {node.id: _with_gaps(node.phrased, scope, fields)} if node.phrased else {}
    why = "None of the others: something is missing or unclear, or the user asked about this step."
    return _built("stay", why, (), fields, set(), instructions, None)


def _built(
    name: str,
    why: str,
    path: tuple[Edge, ...],
    fields: Mapping[str, Any],
    needed: Iterable[str],
    instructions: Mapping[str, str],
    own: Mapping[str, Any] | None,
) -> Option:
    properties = dict(fields)
    replies: dict[str, str] = {}
    for node, instruction in instructions.items():
        replies[node] = argument = _free("reply", set(properties))
        properties[argument] = {
            "type": "string",
            "minLength": 1,
            "description": f"What you say to the user then, in your words. Your instruction for it: {instruction}",
        }
    shape: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": [*sorted(needed), *replies.values()],
    }
    if own and "$defs" in own:
        shape["$defs"] = own["$defs"]
    return Option(name=_safe(name), description=why, path=path, schema=shape, replies=replies)


def _criteria(node: Node, edge: Edge) -> list[Criterion]:
    return [*edge.criteria, *node.completion_criteria]


def _held_by(node: Node, edge: Edge, *, first: bool) -> list[Criterion]:
    """Return the criteria that an edge requires."""
    own = first and not node.allow_skip and not edge.is_fallback and edge in node.edges
    return [one for one in [*edge.criteria, *(node.completion_criteria if own else ())] if one.required]


def held_back(node: Node, edge: Edge, place: FlowState, fields: Mapping[str, Any], *, first: bool = True) -> list[str]:
    """Return the keys that an edge requires and that are not known yet."""
    return [
        one.key
        for one in _held_by(node, edge, first=first)
        if not place.knows(one.key) and fields.get(one.key) in (None, "")
    ]


def _criterion(one: Criterion) -> dict[str, Any]:
    return {"type": ["string", "number", "boolean"], "description": one.description or one.key}


def _why(flow: Flow, edge: Edge, scope: Mapping[str, Any]) -> str:
    condition = templates.render(edge.condition, scope).strip()
    guard = guard_of(flow, edge)
    if guard and guard != edge.condition:
        return f"{condition} (only if {guard})" if condition else f"Only if {guard}"
    return condition or "No other fits."


def _asked(instruction: str) -> set[str]:
    return set(templates.names(instruction))


def _with_gaps(instruction: str, scope: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    """Render an instruction with placeholders for the values that the model is about to collect."""
    gaps = {name: f"<{name}>" for name in fields if name in _asked(instruction)}
    return templates.render(instruction, {**scope, **gaps})


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:56] or "go"


def _free(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate


def triggers(node: Node, when: str) -> list[Trigger]:
    """Return the actions that run on entering a node, or on leaving it."""
    return [trigger for trigger in node.actions if trigger.trigger == when]
