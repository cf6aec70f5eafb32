"""Which edges need no model: those with a guard, and those whose condition is one in all but name."""

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
    """The expression that decides about an edge; None where its condition is for a model to judge.

    Flows of old say "booking.success is true" in prose: what an action returned needs no judgement.
    """
    if edge.guard is not None:
        return templates.expression(edge.guard)
    return _derived(edge.condition, tuple(action.store_response_as or "" for action in flow.actions))


@lru_cache(maxsize=4096)
def _derived(condition: str, results: tuple[str, ...]) -> str | None:
    found = _RESULT.fullmatch(condition.partition(" — ")[0].strip())
    if found is None or found["name"] not in results:
        return None
    name, value = f"{found['name']}.{found['field'].lower()}", (found["value"] or "").lower()
    if found["field"].lower() == "status":
        return f"{name} == {value}" if value.isdigit() and not found["no"] else None
    if value.isdigit():
        return None
    return f"not {name}" if bool(found["no"]) != (value == "false") else name


def asks_of_itself(edge: Edge, guard: str) -> bool:
    """Whether a guard asks for what its own edge collects."""
    return not templates.names(guard, guard=True).isdisjoint(schema.fields(edge.input_schema))


def models_part(flow: Flow) -> list[str]:
    """Everything in a flow for which a model is needed, in words; none: the flow runs without one."""
    found: list[str] = []
    for node in (node for node in flow.nodes if node.id in reachable(flow)):
        if node.phrased:
            found.append(f'node "{node.id}" has an instruction, which a model turns into words')
        found += _of_edges(flow, node)
    return found


def _of_edges(flow: Flow, node: Node) -> list[str]:
    edges = [edge for edge in flow.edges(node) if not edge.is_fallback]
    judged = [edge for edge in edges if guard_of(flow, edge) is None]
    found = []
    if not (node.passes and len(judged) == 1):
        found = [f'node "{node.id}", edge "{edge.id}": its condition is prose, and it has no guard' for edge in judged]
    for edge in edges:
        if edge not in judged and len(schema.required(edge.input_schema)) > 1:
            found.append(f'node "{node.id}", edge "{edge.id}": it collects several values from one message')
    return found
