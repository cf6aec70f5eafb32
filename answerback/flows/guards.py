"""Decide which edges need no model: those with a guard, and those whose prose condition amounts to one."""

from __future__ import annotations

import re
from functools import lru_cache

from answerback.flows import schema, templates
from answerback.flows.definition import Edge, Flow, Node
from answerback.flows.graph import reachable

_RESULT = re.compile(
    r"(?P<no>not\s+)?(?P<name>\w+)\.(?P<field>success|status)(\s*(?:===?|=|\bis\b)\s*(?P<value>true|false|\d{3}))?",
    re.IGNORECASE,
)


def guard_of(flow: Flow, edge: Edge) -> str | None:
    """Return the expression that decides about an edge; None if a model must judge its condition.

    Older flows write "booking.success is true" as prose: the result of an action needs no model.
    """
    if edge.guard is not None:
        return templates.expression(edge.guard)
    return _derived(edge.condition, tuple(action.store_response_as or "" for action in flow.actions))


@lru_cache(maxsize=4096)
def _derived(condition: str, results: tuple[str, ...]) -> str | None:
    match = _RESULT.fullmatch(condition.partition(" — ")[0].strip())
    if match is None or match["name"] not in results:
        return None
    name, value = f"{match['name']}.{match['field'].lower()}", (match["value"] or "").lower()
    if match["field"].lower() == "status":
        return f"{name} == {value}" if value.isdigit() and not match["no"] else None
    if value.isdigit():
        return None
    return f"not {name}" if bool(match["no"]) != (value == "false") else name


def asks_of_itself(edge: Edge, guard: str) -> bool:
    """Return whether a guard uses values that its own edge collects."""
    return not templates.names(guard, guard=True).isdisjoint(schema.fields(edge.input_schema))


def models_part(flow: Flow) -> list[str]:
    """Describe everything in a flow that needs a model; an empty list means that it runs without one."""
    reasons: list[str] = []
    for node in (node for node in flow.nodes if node.id in reachable(flow)):
        if node.phrased:
            reasons.append(f'node "{node.id}" has an instruction, which a model must phrase')
        reasons += _of_edges(flow, node)
    return reasons


def _of_edges(flow: Flow, node: Node) -> list[str]:
    edges = [edge for edge in flow.edges(node) if not edge.is_fallback]
    judged = [edge for edge in edges if guard_of(flow, edge) is None]
    reasons = []
    if not (node.passes and len(judged) == 1):
        reasons = [f'node "{node.id}", edge "{edge.id}": its condition is prose, without a guard' for edge in judged]
    for edge in edges:
        if edge not in judged and len(schema.required(edge.input_schema)) > 1:
            reasons.append(f'node "{node.id}", edge "{edge.id}": it collects several values from one message')
    return reasons
