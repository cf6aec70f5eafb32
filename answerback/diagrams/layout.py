"""Where the parts of a drawing lie: its layers from top to bottom, each set out so that edges run straight."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from answerback.diagrams.layers import ROUNDS, Edge, Slot, chain, depths, leading_back, order

GAP = 18.0
"""Between two spots of a layer, px."""
HEIGHTS = (46.0, 88.0)
"""Of a layer of vertices, and of one of labels with the bends around them, px."""
LABEL = 30.0
"""Of a label, px."""

Point = tuple[float, float]


class Route(NamedTuple):
    """How an edge runs: in turns bent and straight, down through the layers, or up if it leads back.

    Its first straight part passes its label, the middle of which is `label`.
    """

    points: list[Point]
    label: Point
    back: bool


class Layout(NamedTuple):
    """`places`: the middles of the vertices."""

    width: float
    height: float
    places: list[Point]
    routes: list[Route]


def lay_out(widths: Sequence[float], edges: Sequence[Edge]) -> Layout:
    """Place vertices of these widths, and the edges between them. No edge may lead from a vertex to itself."""
    back = leading_back(len(widths), edges)
    downward = [
        edge._replace(source=edge.target, target=edge.source) if n in back else edge for n, edge in enumerate(edges)
    ]
    layer_of = depths(len(widths), downward)
    vertices = [Slot(width, 2 * depth) for width, depth in zip(widths, layer_of, strict=True)]
    ways = [chain(vertices, edge, n in back) for n, edge in enumerate(downward)]
    layers: list[list[Slot]] = [[] for _ in range(2 * max(layer_of, default=0) + 1)]
    for spot in [*vertices, *(spot for way in ways for spot in way[1:-1])]:
        layers[spot.layer].append(spot)
    order(layers)
    _set_out(layers)
    left = min((spot.x - spot.width / 2 for layer in layers for spot in layer), default=0)
    for layer in layers:
        for spot in layer:
            spot.x -= left
    return Layout(
        max((spot.x + spot.width / 2 for layer in layers for spot in layer), default=0),
        (len(layers) // 2) * sum(HEIGHTS) + HEIGHTS[0],
        [(spot.x, _y(spot)) for spot in vertices],
        [_route(way, n in back) for n, way in enumerate(ways)],
    )


def _y(spot: Slot) -> float:
    return spot.layer // 2 * sum(HEIGHTS) + HEIGHTS[0] / 2 + spot.layer % 2 * sum(HEIGHTS) / 2


def _set_out(layers: list[list[Slot]]) -> None:
    """Give each spot its place, as near as there is room to those that it is joined to."""
    for turn in range(ROUNDS):
        for layer in layers if turn % 2 == 0 else reversed(layers):
            wanted = []
            for spot in layer:
                joined = spot.above if turn % 2 == 0 else spot.below
                if turn >= ROUNDS // 2:
                    joined = [*spot.above, *spot.below]
                wanted.append(sum(other.x for other in joined) / len(joined) if joined else spot.x)
            _line_up(layer, wanted)


def _line_up(layer: list[Slot], wanted: Sequence[float]) -> None:
    """The places nearest to the wanted ones that leave each its room: least squares, by pooling adjacent violators."""
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
    for spot, place, offset in zip(layer, places, offsets, strict=True):
        spot.x = place + offset


def _route(spots: Sequence[Slot], back: bool) -> Route:
    first, *passed, last = spots
    label = passed[-1 if back else 0]
    points = [(first.x, _y(first) + HEIGHTS[0] / 2)]
    for spot in passed:
        # Straight past vertices and through its own label, so that it keeps clear of its neighbours.
        if spot is label or spot.layer % 2 == 0:
            half = (LABEL if spot is label else HEIGHTS[0]) / 2
            points += [(spot.x, _y(spot) - half), (spot.x, _y(spot) + half)]
    points.append((last.x, _y(last) - HEIGHTS[0] / 2))
    return Route(points[::-1] if back else points, (label.x, _y(label)), back)
