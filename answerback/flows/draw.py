"""A flow as a picture: a Mermaid diagram (https://mermaid.js.org/syntax/flowchart.html)."""

from __future__ import annotations

from answerback.flows.flow import Edge, Flow, Node
from answerback.flows.graph import dead_ends

_SHAPES = {"router": ("{{", "}}"), "instruction": ("(", ")"), "static": ("[", "]"), "final": ("([", "])")}
_LABEL = 60


def mermaid(flow: Flow, current: str | None = None) -> str:
    """The diagram's text. `current`: the id of the node in which a conversation is, to be marked."""
    names = {node.id: f"n{number}" for number, node in enumerate(flow.nodes)}
    lines = ["flowchart TD", "  begin((( )))"]
    lines += [f"  {names[node.id]}{_shape(node)}" for node in flow.nodes]
    if flow.initial_node in names:
        lines.append(f"  begin --> {names[flow.initial_node]}")
    for node in flow.nodes:
        for edge in node.edges:
            target = edge.target_node_id or node.id
            if target in names:
                lines.append(f"  {names[node.id]} {_arrow(edge)} {names[target]}")
    targets = [edge for edge in flow.global_edges if edge.target_node_id in names]
    if targets:
        lines.append('  anywhere{{"from any step"}}')
        lines += [f"  anywhere {_arrow(edge)} {names[edge.target_node_id or '']}" for edge in targets]
    lines += [f"  {names[id]} -.-> |and back| anywhere" for id in sorted(dead_ends(flow))]
    if current in names:
        lines += ["  classDef current stroke-width:4px,stroke:#d9480f", f"  class {names[current]} current"]
    return "\n".join(lines) + "\n"


def _shape(node: Node) -> str:
    left, right = _SHAPES[node.kind]
    return f'{left}"{_escaped(node.name or node.id)}"{right}'


def _arrow(edge: Edge) -> str:
    label = _escaped(edge.guard or edge.condition or edge.id)
    arrow = "-.->" if edge.is_fallback else "-->"
    return f'{arrow}|"{label}"|'


def _escaped(text: str) -> str:
    text = " ".join(text.split())
    text = text if len(text) <= _LABEL else f"{text[: _LABEL - 1]}…"
    # Mermaid's own entities: a label is text, whatever somebody wrote into a flow.
    return "".join(c if c.isalnum() or c in " .,:;!?'()+-/…" else f"#{ord(c)};" for c in text)
