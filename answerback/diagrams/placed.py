"""Place a sketch: coordinates for its boxes, and for the edges between their borders."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple

from answerback.diagrams import words
from answerback.diagrams.diagram import Arrow, Box, Sketch
from answerback.diagrams.layers import Edge
from answerback.diagrams.layout import HEIGHTS, Point, lay_out

MARGIN = 20.0
WIDTH, HEIGHT = 176.0, HEIGHTS[0]
"""Size of a box, in px."""
LOOP = 30.0
"""Space beside a box for an edge to itself, or for the start dot, in px."""
SPREAD, INSET = 20.0, 28.0
"""Distance between two edges at a box's border, and from its corners to the first edge, in px."""
ANYWHERE = Box("", "from any step", "")


class PlacedBox(NamedTuple):
    """A box and its centre."""

    box: Box
    at: Point


class PlacedEdge(NamedTuple):
    """An edge: its points, its label and the label's centre. `back`: whether it leads backwards."""

    arrow: Arrow
    points: list[Point]
    label: list[str]
    at: Point
    back: bool


class Placed(NamedTuple):
    """A whole drawing. `again`: the labels of edges from a box to itself, by box id."""

    width: float
    height: float
    boxes: list[PlacedBox]
    anywhere: PlacedBox | None
    edges: list[PlacedEdge]
    again: dict[str, list[str]]

    def middle(self, id: str) -> Point | None:
        """Return the centre of a node's box, from the top left corner; None if there is no such node."""
        return next(((at[0] + MARGIN, at[1] + MARGIN) for box, at in self.boxes if box.id == id), None)


@lru_cache(64)
def placed(sketch: Sketch) -> Placed:
    """Return the placed drawing. Recent results are cached."""
    # The start comes first: which edges lead backwards depends on it.
    boxes = sorted(sketch.boxes, key=lambda box: box.id != sketch.start)
    numbers: dict[str | None, int] = {box.id: number for number, box in enumerate(boxes)}
    numbers[None] = len(boxes)
    ways = [arrow for arrow in sketch.arrows if arrow.source != arrow.target]
    labels = [words.lines(arrow.label, 20, 2) for arrow in ways]
    again = {box.id: _again(box, sketch) for box in boxes}
    widths = [_room(again[box.id], first=box.id == sketch.start) for box in boxes]
    wide = any(arrow.source is None for arrow in ways)
    layout = lay_out(
        [*widths, WIDTH] if wide else widths,
        [
            Edge(numbers[arrow.source], numbers[arrow.target], words.width(label, words.SMALL))
            for arrow, label in zip(ways, labels, strict=True)
        ],
    )
    edges = [
        PlacedEdge(arrow, route.points, label, route.label, route.back)
        for arrow, label, route in zip(ways, labels, layout.routes, strict=True)
    ]
    _part(edges)
    puts = [PlacedBox(box, at) for box, at in zip([*boxes, ANYWHERE], layout.places, strict=False)]
    return Placed(
        layout.width + 2 * MARGIN,
        layout.height + 2 * MARGIN,
        puts[: len(boxes)],
        puts[-1] if wide else None,
        edges,
        {id: label for id, label in again.items() if label},
    )


def _again(box: Box, sketch: Sketch) -> list[str]:
    labels = [arrow.label for arrow in sketch.arrows if arrow.source == arrow.target == box.id]
    return words.lines(" / ".join(labels), 16, 2)


def _room(again: list[str], *, first: bool) -> float:
    return WIDTH + 2 * max(LOOP + words.width(again, words.SMALL) if again else 0, LOOP if first else 0)


def _part(edges: list[PlacedEdge]) -> None:
    """Spread the edges that meet at one border of a box, in the order of their directions."""
    borders: defaultdict[tuple[str | None, bool], list[tuple[float, int, int]]] = defaultdict(list)
    for number, edge in enumerate(edges):
        borders[edge.arrow.source, edge.back].append((edge.points[1][0], number, 0))
        borders[edge.arrow.target, not edge.back].append((edge.points[-2][0], number, -1))
    for ends in borders.values():
        step = min(SPREAD, (WIDTH - 2 * INSET) / max(1, len(ends) - 1))
        for place, (_, number, end) in enumerate(sorted(ends)):
            x, y = edges[number].points[end]
            edges[number].points[end] = (x + (place - (len(ends) - 1) / 2) * step, y)
