"""A flow as a picture: what is drawn of it, as Mermaid and as SVG."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import pytest

from answerback.diagrams.diagram import Arrow, Box, Sketch
from answerback.diagrams.layout import HEIGHTS
from answerback.diagrams.mermaid import mermaid
from answerback.diagrams.placed import WIDTH, placed
from answerback.diagrams.svg import svg
from answerback.flows import load
from answerback.flows.draw import sketch

HOSTILE = "</text><script>alert(1)</script>\"'&]]>--> n9 <!-- \x00\x1b\ufffe {{ x }} onload=x"
SVG = "{http://www.w3.org/2000/svg}"


def _node(id: str, *edges: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id, "name": id.title(), "static_text": "x", "edges": list(edges), **more}


def _edge(target: str | None, **more: Any) -> dict[str, Any]:
    return {"id": f"to_{target}", "guard": "true", "target_node_id": target, **more}


END = _node("end", is_final=True)


def _drawn(*nodes: dict[str, Any], **more: Any) -> Sketch:
    return sketch(load({"initial_node": nodes[0]["id"], "nodes": [*nodes, END], **more}))


def _grid(nodes: int) -> Sketch:
    """A flow of so many nodes that branches, comes together, and leads back here and there."""
    ids = [f"n{number}" for number in range(nodes)]
    arrows = [
        Arrow(ids[number], ids[min(number + step, nodes - 1)], f"message is number {step} of these", step == 3)
        for number in range(nodes - 1)
        for step in (1, 3, 5)[: 1 + number % 3]
    ]
    arrows += [Arrow(ids[number], ids[number - 4], "not yet") for number in range(7, nodes, 9)]
    return Sketch("n0", tuple(Box(id, f"Step {id}", "static") for id in ids), tuple(arrows))


def _texts(picture: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def test_what_is_drawn_are_nodes_and_edges_with_short_texts() -> None:
    found = _drawn(
        _node("a", _edge("end", condition="They   agree\n" + "x" * 99), _edge(None, id="stay", guard="a == 1")),
        _node("help"),
        global_edges=[_edge("help", is_fallback=True)],
    )
    assert found.start == "a"
    assert found.boxes[1:] == (Box("help", "Help", "static", aside=True), Box("end", "End", "final"))
    agrees, stays, helps = found.arrows
    assert agrees.label == f"They agree {'x' * 48}…"
    assert (stays.target, stays.label) == ("a", "a == 1")
    assert helps == Arrow(None, "help", "true", fallback=True)
    assert [found.name(id) for id in ("help", "gone")] == ["Help", "gone"]


def test_a_diagram_names_every_node_and_marks_the_current_one() -> None:
    found = _drawn(_node("a", _edge("end", condition=HOSTILE)), _node("help"), global_edges=[_edge("help")])
    picture = mermaid(found, "end")
    for line in ('n0["A"]', 'n2(["End"])', "anywhere -->|", "n1 -.-> |and back| anywhere", "class n2 current"):
        assert line in picture
    assert "<script>" not in picture
    assert "--> n9" not in picture
    assert "class" not in mermaid(found)


def test_a_picture_names_every_node_and_edge_and_marks_the_current_one() -> None:
    found = _drawn(
        _node("a", _edge("b", condition="They agree"), _edge("end", condition="They do not", is_fallback=True)),
        _node("b", _edge("a", condition="Once more"), _edge("end"), _edge(None, condition="Not clear")),
        _node("help"),
        global_edges=[_edge("help", condition="They need help")],
    )
    picture = svg(found, "b")
    for text in ("A", "B", "End", "They agree", "Once more", "Not clear", "from any step", "static · and back"):
        assert text in _texts(picture)
    (current,) = re.findall(r'<g class="node current">.*', picture)
    assert "<title>B</title>" in current
    assert "<title>A dialog flow, at the step “B”</title>" in picture
    assert picture.count('class="way back"') == 2
    assert picture.count('class="way fallback"') == 1
    for unknown in (svg(found), svg(found, "gone")):
        assert "node current" not in unknown
        assert "at the step" not in unknown


@pytest.mark.parametrize("draw", [svg, mermaid])
def test_what_people_wrote_becomes_nothing_but_text(draw: Any) -> None:
    boxes = (Box(HOSTILE, HOSTILE, "static"), Box("b", HOSTILE, HOSTILE), Box("", "漢字" * 30, "final"))
    arrows = (Arrow(HOSTILE, "b", HOSTILE), Arrow("b", "b", HOSTILE), Arrow(None, "", HOSTILE), Arrow("b", "", ""))
    picture = draw(Sketch(HOSTILE, boxes, arrows), HOSTILE)
    assert picture.encode()
    assert "<script" not in picture
    assert "<!--" not in picture
    if draw is svg:
        root = ElementTree.fromstring(picture)
        known = ("svg", "title", "style", "defs", "marker", "path", "rect", "polygon", "circle", "g", "text")
        assert {element.tag for element in root.iter()} <= {f"{SVG}{name}" for name in known}
        assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]
        assert all(len(text) <= 28 for text in _texts(picture))


@pytest.mark.parametrize("nodes", [1, 5, 60])
def test_nothing_lies_on_anything_else(nodes: int) -> None:
    found = placed(_grid(nodes))
    boxes = [(*put.at, WIDTH, HEIGHTS[0]) for put in found.boxes]
    labels = [(*edge.at, max(5.8 * len(line) for line in edge.label), 26.0) for edge in found.edges]
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in combinations(boxes + labels, 2):
        assert abs(x1 - x2) * 2 >= w1 + w2 or abs(y1 - y2) * 2 >= h1 + h2
    for x, y, w, h in boxes + labels:
        assert w / 2 <= x + 1 <= found.width
        assert h / 2 <= y <= found.height
    # No edge passes a box but its own: in the layers of boxes it runs straight, in a place of its own.
    for edge in found.edges:
        for x, y in edge.points[2:-2]:
            assert not [box for box in boxes if abs(box[0] - x) < WIDTH / 2 and abs(box[1] - y) < HEIGHTS[0] / 2 - 1]


def test_edges_lead_down_unless_they_lead_back_and_are_drawn_so() -> None:
    found = placed(_grid(60))
    for edge in found.edges:
        heights = [y for _, y in edge.points]
        assert heights == sorted(heights, reverse=edge.back)
        assert edge.back == (edge.arrow.label == "not yet")
    assert found.middle("n0") == (found.boxes[0].at[0] + 20, 43)
    assert found.middle("gone") is None
