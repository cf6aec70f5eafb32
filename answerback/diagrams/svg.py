"""Render a sketch as SVG, for light and dark mode. It contains no scripts, and untrusted text is escaped."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.diagrams import words
from answerback.diagrams.diagram import Sketch
from answerback.diagrams.layout import Point
from answerback.diagrams.placed import HEIGHT, LOOP, MARGIN, WIDTH, PlacedBox, PlacedEdge, placed

XMLNS = "http://www.w3.org/2000/svg"
ROUND = {"instruction": 12.0, "final": HEIGHT / 2}
"""Corner radius by kind of box, in px."""

STYLE = """
svg{--paper:#fff;--ink:#1a2130;--faint:#596377;--box:#f5f7fb;--line:#8b95a9;--back:#7a4fd0;--mark:#d9480f;--lit:#fff1e6}
@media(prefers-color-scheme:dark){svg{--paper:#12161e;--ink:#e6eaf2;--faint:#9ea9bd;--box:#1b212c;--line:#79859b;
--back:#b79cff;--mark:#ff9a5c;--lit:#3a2415}}
text{font:13px system-ui,sans-serif;fill:var(--ink);text-anchor:middle}
.kind,.label{font-size:10.5px;fill:var(--faint)}
.label{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.again{text-anchor:start}
.paper{fill:var(--paper)}
.box{fill:var(--box);stroke:var(--line)}
.anywhere .box{stroke-dasharray:2 3}
.current .box{fill:var(--lit);stroke:var(--mark);stroke-width:4}
.current .name{font-weight:600}
.way{fill:none;stroke:var(--line);stroke-width:1.4}
.fallback{stroke-dasharray:6 4}
.back{stroke:var(--back)}
.tip{fill:var(--line)}
.tip-back{fill:var(--back)}
"""
TIP = (
    '<marker id="{id}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
    'markerUnits="userSpaceOnUse" orient="auto"><path class="{id}" d="M0 0L8 4L0 8z"/></marker>'
)


def svg(sketch: Sketch, current: str | None = None, title: str = "A dialog flow") -> str:
    """Return the SVG. `current`: the id of the conversation's current node, to highlight."""
    drawing = placed(sketch)
    width, height = round(drawing.width), round(drawing.height)
    is_drawn = current is not None and drawing.middle(current) is not None
    if is_drawn:
        title += f", at the step “{sketch.name(current or '')}”"
    parts = [
        f'<svg xmlns="{XMLNS}" role="img" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<title>{words.safe(title)}</title><style>{STYLE}</style>",
        f"<defs>{TIP.format(id='tip')}{TIP.format(id='tip-back')}</defs>",
        '<rect class="paper" width="100%" height="100%"/>',
        f'<g transform="translate({MARGIN:g} {MARGIN:g})">',
        *map(_edge, drawing.edges),
        *(_again(put, drawing.again[put.box.id]) for put in drawing.boxes if put.box.id in drawing.again),
        *map(_label, drawing.edges),
        *(_box(put, put.box.kind, current=put.box.id == current) for put in drawing.boxes),
        _box(drawing.anywhere, "anywhere") if drawing.anywhere else "",
        _start(next(put for put in drawing.boxes if put.box.id == sketch.start)),
        "</g></svg>\n",
    ]
    return "\n".join(filter(None, parts))


def _box(put: PlacedBox, kind: str, *, current: bool = False) -> str:
    (x, y), box = put.at, put.box
    about = f"{box.kind} · and back" if box.aside else box.kind
    name = words.lines(box.name, 22, 1)
    return (
        f'<g class="node{" current" if current else ""}{" anywhere" if kind == "anywhere" else ""}">'
        f"<title>{words.safe(box.name)}</title>{_shape(x, y, kind)}"
        f"{_text(x, y - 2 if about else y + 4, name, 'name')}"
        f"{_text(x, y + 13, words.lines(about, 28, 1), 'kind') if about else ''}</g>"
    )


def _shape(x: float, y: float, kind: str) -> str:
    left, top, right = x - WIDTH / 2, y - HEIGHT / 2, x + WIDTH / 2
    if kind in ("router", "anywhere"):
        corners = (left + 14, top), (right - 14, top), (right, y), (right - 14, y + HEIGHT / 2)
        points = [*corners, (left + 14, y + HEIGHT / 2), (left, y)]
        return f'<polygon class="box" points="{" ".join(map(_at, points))}"/>'
    size = f'width="{WIDTH:g}" height="{HEIGHT:g}" rx="{ROUND.get(kind, 2):g}"'
    return f'<rect class="box" x="{left:.1f}" y="{top:.1f}" {size}/>'


def _edge(edge: PlacedEdge) -> str:
    start, *rest = edge.points
    path, here = [f"M{_at(start)}"], start
    for number, there in enumerate(rest):
        middle = (here[1] + there[1]) / 2
        bend = f"C{_at((here[0], middle))} {_at((there[0], middle))} {_at(there)}"
        # Leave a gap in the line for the label.
        straight = "M" if number == 1 and edge.label else "L"
        path.append(f"{straight}{_at(there)}" if number % 2 else bend)
        here = there
    names = ["way", *(["fallback"] if edge.arrow.fallback else []), *(["back"] if edge.back else [])]
    tip = "tip-back" if edge.back else "tip"
    return f'<path class="{" ".join(names)}" marker-end="url(#{tip})" d="{"".join(path)}"/>'


def _label(edge: PlacedEdge) -> str:
    x, y = edge.at
    return _text(x, y + 4 - 6.5 * (len(edge.label) - 1), edge.label, "label")


def _again(put: PlacedBox, label: list[str]) -> str:
    x, y = put.at[0] + WIDTH / 2, put.at[1]
    d = f"M{_at((x, y - 10))}C{_at((x + LOOP - 6, y - 16))} {_at((x + LOOP - 6, y + 16))} {_at((x, y + 10))}"
    text = _text(x + LOOP - 6, y + 4 - 6.5 * (len(label) - 1), label, "label again")
    return f'<path class="way back" marker-end="url(#tip-back)" d="{d}"/>{text}'


def _start(put: PlacedBox) -> str:
    x, y = put.at[0] - WIDTH / 2, put.at[1]
    return (
        f'<circle class="tip" cx="{x - LOOP + 6:.1f}" cy="{y:.1f}" r="5"/>'
        f'<path class="way" marker-end="url(#tip)" d="M{_at((x - LOOP + 6, y))}L{_at((x, y))}"/>'
    )


def _text(x: float, y: float, lines: Sequence[str], kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return "".join(
        f'<text{named} x="{x:.1f}" y="{y + 13 * number:.1f}">{words.safe(line)}</text>'
        for number, line in enumerate(lines)
    )


def _at(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"
