"""Draw a flow."""

from __future__ import annotations

from answerback.diagrams.diagram import Arrow, Box, Sketch
from answerback.flows.definition import Edge, Flow
from answerback.flows.graph import dead_ends

_LABEL = 60
"""Maximum length of a label, in characters."""


def sketch(flow: Flow) -> Sketch:
    """Return the flow's nodes and edges, each with a label of at most 60 characters."""
    aside = dead_ends(flow)
    boxes = [Box(node.id, _short(node.name or node.id), node.kind, node.id in aside) for node in flow.nodes]
    arrows = [_arrow(node.id, edge.target_node_id or node.id, edge) for node in flow.nodes for edge in node.edges]
    arrows += [_arrow(None, edge.target_node_id, edge) for edge in flow.global_edges if edge.target_node_id]
    return Sketch(flow.initial_node, tuple(boxes), tuple(arrows))


def _arrow(source: str | None, target: str, edge: Edge) -> Arrow:
    # Prose is easier to read than an expression.
    return Arrow(source, target, _short(edge.condition or edge.guard or edge.id), edge.is_fallback)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 1]}…"
