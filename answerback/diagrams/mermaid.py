"""Render a sketch as a Mermaid diagram (https://mermaid.js.org/syntax/flowchart.html)."""

from __future__ import annotations

from answerback.diagrams.diagram import Arrow, Box, Sketch

_SHAPES = {"router": ("{{", "}}"), "instruction": ("(", ")"), "static": ("[", "]"), "final": ("([", "])")}


def mermaid(sketch: Sketch, current: str | None = None) -> str:
    """Return the diagram's text. `current`: the id of the conversation's current node, to highlight."""
    names: dict[str | None, str] = {box.id: f"n{number}" for number, box in enumerate(sketch.boxes)}
    lines = ["flowchart TD", "  begin((( )))"]
    lines += [f"  {names[box.id]}{_shape(box)}" for box in sketch.boxes]
    lines.append(f"  begin --> {names[sketch.start]}")
    if any(arrow.source is None for arrow in sketch.arrows):
        names[None] = "anywhere"
        lines.append('  anywhere{{"from any step"}}')
    lines += [f"  {names[arrow.source]} {_arrow(arrow)} {names[arrow.target]}" for arrow in sketch.arrows]
    lines += [f"  {names[box.id]} -.-> |and back| anywhere" for box in sketch.boxes if box.aside]
    if current is not None and current in names:
        lines += ["  classDef current stroke-width:4px,stroke:#d9480f", f"  class {names[current]} current"]
    return "\n".join(lines) + "\n"


def _shape(box: Box) -> str:
    left, right = _SHAPES.get(box.kind, _SHAPES["static"])
    return f'{left}"{_escaped(box.name)}"{right}'


def _arrow(arrow: Arrow) -> str:
    return f'{"-.->" if arrow.fallback else "-->"}|"{_escaped(arrow.label)}"|'


def _escaped(text: str) -> str:
    # Mermaid's own entities, so that untrusted text cannot become syntax.
    return "".join(c if c.isalnum() or c in " .,:;!?'()+-/…" else f"#{ord(c)};" for c in text)
