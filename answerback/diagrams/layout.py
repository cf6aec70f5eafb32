"""Compute the coordinates of a drawing: layers from top to bottom, with edges as straight as possible."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from answerback.diagrams.layers import ROUNDS, Edge, Slot, chain, depths, leading_back, order

GAP = 18.0
"""Space between two slots of a layer, in px."""
HEIGHTS = (46.0, 88.0)
"""Height of a layer of vertices, and of a layer of labels including the curves around them, in px."""
LABEL = 30.0
"""Height of a label, in px."""

Point = tuple[float, float]


class Route(NamedTuple):
    """The course of an edge: alternately curved and straight, down through the layers, or up if it leads back.

    `label` is the centre of its label, on its first straight segment.
    """

    points: list[Point]
    label: Point
    back: bool


class Layout(NamedTuple):
    """A computed layout. `places`: the centres of the vertices."""

    width: float
    height: float
    places: list[Point]
    routes: list[Route]


def lay_out(widths: Sequence[float], edges: Sequence[Edge]) -> Layout:
    """Lay out vertices of the given widths and the edges between them. No edge may connect a vertex to itself."""
    back = leading_back(len(widths), edges)
    downward = [
        edge._replace(source=edge.target, target=edge.source) if n in back else edge for n, edge in enumerate(edges)
    ]
    layer_of = depths(len(widths), downward)
    vertices = [Slot(width, 2 * depth) for width, depth in zip(widths, layer_of, strict=True)]
    ways = [chain(vertices, edge, n in back) for n, edge in enumerate(downward)]
    layers: list[list[Slot]] = [[] for _ in range(2 * max(layer_of, default=0) + 1)]
    for slot in [*vertices, *(slot for way in ways for slot in way[1:-1])]:
        layers[slot.layer].append(slot)
    order(layers)
    _set_out(layers)
    left = min((slot.x - slot.width / 2 for layer in layers for slot in layer), default=0)
    for layer in layers:
        for slot in layer:
            slot.x -= left
    return Layout(
        max((slot.x + slot.width / 2 for layer in layers for slot in layer), default=0),
        (len(layers) // 2) * sum(HEIGHTS) + HEIGHTS[0],
        [(slot.x, _y(slot)) for slot in vertices],
        [_route(way, n in back) for n, way in enumerate(ways)],
    )


def _y(slot: Slot) -> float:
    return slot.layer // 2 * sum(HEIGHTS) + HEIGHTS[0] / 2 + slot.layer % 2 * sum(HEIGHTS) / 2


def _set_out(layers: list[list[Slot]]) -> None:
    """Place each slot as close to its neighbours as there is room."""
    for turn in range(ROUNDS):
        for layer in layers if turn % 2 == 0 else reversed(layers):
            wanted = []
            for slot in layer:
                joined = slot.above if turn % 2 == 0 else slot.below
                if turn >= ROUNDS // 2:
                    joined = [*slot.above, *slot.below]
                wanted.append(sum(other.x for other in joined) / len(joined) if joined else slot.x)
            _line_up(layer, wanted)


def _line_up(layer: list[Slot], wanted: Sequence[float]) -> None:
    """Find the non-overlapping positions closest to the wanted ones: least squares, by pool adjacent violators."""
    pools: list[tuple[float, int]] = []
    offsets = [0.0]
    for one, other in pairwise(layer):
        offsets.append(offsets[-1] + (one.width + other.width) / 2 + GAP)
    for place, offset in zip(wanted, offsets, strict=True):
        total, count = place - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            before = pools.pop()
            total, count = total + before[0], count + before[1]
        pools.append((total, count))
    places = [total / count for total, count in pools for _ in range(count)]
    for slot, place, offset in zip(layer, places, offsets, strict=True):
        slot.x = place + offset


def _route(slots: Sequence[Slot], back: bool) -> Route:
    first, *passed, last = slots
    label = passed[-1 if back else 0]
    points = [(first.x, _y(first) + HEIGHTS[0] / 2)]
    for slot in passed:
        # Run straight past vertices and through its own label, to keep clear of neighbours.
        if slot is label or slot.layer % 2 == 0:
            half = (LABEL if slot is label else HEIGHTS[0]) / 2
            points += [(slot.x, _y(slot) - half), (slot.x, _y(slot) + half)]
    points.append((last.x, _y(last) - HEIGHTS[0] / 2))
    return Route(points[::-1] if back else points, (label.x, _y(label)), back)
