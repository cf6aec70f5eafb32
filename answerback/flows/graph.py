"""Reachability in a flow's graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from answerback.flows.definition import Flow, Node


def dead_ends(flow: Flow) -> set[str]:
    """Return the detours: targets of global edges without edges of their own. The conversation returns from them."""
    aside = {edge.target_node_id for edge in flow.global_edges}
    return {node.id for node in flow.nodes if node.id in aside and leads_nowhere(node)}


def leads_nowhere(node: Node) -> bool:
    """Return whether a node is not final and has no edge to another node."""
    return node.kind != "final" and not any(edge.target_node_id and not edge.is_fallback for edge in node.edges)


def reachable(flow: Flow) -> set[str]:
    """Return the nodes that a conversation can reach."""
    ways = {node.id: {edge.target_node_id or node.id for edge in flow.edges(node)} for node in flow.nodes}
    return _closure({flow.initial_node}, ways)


def without_end(flow: Flow) -> set[str]:
    """Return the nodes from which no final node can be reached."""
    back: dict[str, set[str]] = {}
    for node in flow.nodes:
        for edge in flow.edges(node):
            back.setdefault(edge.target_node_id or node.id, set()).add(node.id)
    ends = {node.id for node in flow.nodes if node.kind == "final"}
    return {node.id for node in flow.nodes} - _closure(ends, back)


def _closure(begin: Iterable[str], ways: Mapping[str, set[str]]) -> set[str]:
    reached = set(begin)
    todo = list(reached)
    while todo:
        for target in ways.get(todo.pop(), ()):
            if target not in reached:
                reached.add(target)
                todo.append(target)
    return reached
