"""Layers of a drawing: which vertex lies in which, where edges pass, in which order all that stands.

Edges that lead back are turned around; each vertex gets the layer behind the last one that leads to it; an edge passes
every layer in between in a spot of its own; each layer is ordered so that few edges cross: the steps of Sugiyama,
Tagawa and Toda, https://doi.org/10.1109/TSMC.1981.4308636.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

ROUNDS = 12


class Edge(NamedTuple):
    """From one vertex to another, by their numbers. `width`: of its label, px."""

    source: int
    target: int
    width: float


class Slot:
    """Room for a vertex, or for an edge on its way through a layer. Vertices lie in the layers 0, 2, 4, …

    above, below  what it is joined to
    order         its place in its layer, from 0
    x             its middle, px
    """

    def __init__(self, width: float, layer: int) -> None:
        self.width = width
        self.layer = layer
        self.above: list[Slot] = []
        self.below: list[Slot] = []
        self.order = 0.0
        self.x = 0.0


def leading_back(count: int, edges: Sequence[Edge]) -> set[int]:
    """The edges, by their numbers, that close a circle, as one comes to them who goes on from the first vertex."""
    out: list[list[int]] = [[] for _ in range(count)]
    for number, edge in enumerate(edges):
        out[edge.source].append(number)
    found: set[int] = set()
    done: set[int] = set()
    for root in range(count):
        way: dict[int, Iterator[int]] = {} if root in done else {root: iter(out[root])}
        while way:
            here = next(reversed(way))
            for number in way[here]:
                target = edges[number].target
                if target in way:
                    found.add(number)
                elif target not in done:
                    way[target] = iter(out[target])
                    break
            else:
                del way[here]
                done.add(here)
    return found


def depths(count: int, edges: Sequence[Edge]) -> list[int]:
    """How many edges lead to each vertex on the longest way."""
    out: list[list[int]] = [[] for _ in range(count)]
    missing = [0] * count
    for edge in edges:
        out[edge.source].append(edge.target)
        missing[edge.target] += 1
    depths = [0] * count
    ready = [vertex for vertex in range(count) if not missing[vertex]]
    while ready:
        vertex = ready.pop()
        for target in out[vertex]:
            depths[target] = max(depths[target], depths[vertex] + 1)
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    return depths


def chain(vertices: Sequence[Slot], edge: Edge, back: bool) -> list[Slot]:
    """An edge's spots, from above to below. Its label is beside the vertex that it comes from."""
    first, last = vertices[edge.source], vertices[edge.target]
    passed = range(first.layer + 1, last.layer)
    label = passed[-1 if back else 0]
    chain = [first, *(Slot(edge.width if n == label else 1, n) for n in passed), last]
    for upper, lower in pairwise(chain):
        upper.below.append(lower)
        lower.above.append(upper)
    return chain


def order(layers: list[list[Slot]]) -> None:
    """Put each spot into the middle of those that it is joined to, again and again; keep what crosses least."""
    for layer in layers:
        _number(layer)
    best: tuple[int, list[list[Slot]]] | None = None
    for turn in range(ROUNDS):
        for layer in layers if turn % 2 == 0 else reversed(layers):
            for spot in layer:
                joined = spot.above if turn % 2 == 0 else spot.below
                if joined:
                    spot.order = sum(other.order for other in joined) / len(joined)
            layer.sort(key=lambda spot: spot.order)
            _number(layer)
        crossings = sum(map(_crossings, layers))
        if best is None or crossings < best[0]:
            best = crossings, [list(layer) for layer in layers]
    assert best is not None
    layers[:] = best[1]


def _number(layer: list[Slot]) -> None:
    for number, spot in enumerate(layer):
        spot.order = number


def _crossings(layer: list[Slot]) -> int:
    """How often the edges below a layer cross."""
    seen: list[float] = []
    found = 0
    for spot in layer:
        lower = sorted(other.order for other in spot.below)
        found += sum(len(seen) - bisect_right(seen, order) for order in lower)
        for order in lower:
            insort(seen, order)
    return found
