"""Assign the vertices of a drawing to layers, route edges through them, and order each layer.

The method of Sugiyama, Tagawa and Toda, https://doi.org/10.1109/TSMC.1981.4308636: reverse edges that close cycles;
place each vertex in the layer after its last predecessor; give an edge a slot in every layer that it crosses; order
each layer so that few edges cross.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

ROUNDS = 12


class Edge(NamedTuple):
    """An edge between two vertices, given by number. `width`: of its label, in px."""

    source: int
    target: int
    width: float


class Slot:
    """A slot in a layer, for a vertex or for an edge that crosses the layer. Vertices are in the layers 0, 2, 4, …

    above, below  the slots that it is connected to
    order         its position in the layer, from 0
    x             its centre, in px
    """

    def __init__(self, width: float, layer: int) -> None:
        self.width = width
        self.layer = layer
        self.above: list[Slot] = []
        self.below: list[Slot] = []
        self.order = 0.0
        self.x = 0.0


def leading_back(count: int, edges: Sequence[Edge]) -> set[int]:
    """Return the numbers of the edges that close a cycle in a depth-first search from the first vertex."""
    out: list[list[int]] = [[] for _ in range(count)]
    for number, edge in enumerate(edges):
        out[edge.source].append(number)
    reversed_edges: set[int] = set()
    done: set[int] = set()
    for root in range(count):
        way: dict[int, Iterator[int]] = {} if root in done else {root: iter(out[root])}
        while way:
            here = next(reversed(way))
            for number in way[here]:
                target = edges[number].target
                if target in way:
                    reversed_edges.add(number)
                elif target not in done:
                    way[target] = iter(out[target])
                    break
            else:
                del way[here]
                done.add(here)
    return reversed_edges


def depths(count: int, edges: Sequence[Edge]) -> list[int]:
    """Return the length of the longest path to each vertex, in edges."""
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
    """Create and connect an edge's slots, from top to bottom. Its label is in the layer next to its source."""
    first, last = vertices[edge.source], vertices[edge.target]
    passed = range(first.layer + 1, last.layer)
    label = passed[-1 if back else 0]
    chain = [first, *(Slot(edge.width if n == label else 1, n) for n in passed), last]
    for upper, lower in pairwise(chain):
        upper.below.append(lower)
        lower.above.append(upper)
    return chain


def order(layers: list[list[Slot]]) -> None:
    """Repeatedly move each slot to the mean position of its neighbours; keep the order with the fewest crossings."""
    for layer in layers:
        _number(layer)
    best: tuple[int, list[list[Slot]]] | None = None
    for turn in range(ROUNDS):
        for layer in layers if turn % 2 == 0 else reversed(layers):
            for slot in layer:
                joined = slot.above if turn % 2 == 0 else slot.below
                if joined:
                    slot.order = sum(other.order for other in joined) / len(joined)
            layer.sort(key=lambda slot: slot.order)
            _number(layer)
        crossings = sum(map(_crossings, layers))
        if best is None or crossings < best[0]:
            best = crossings, [list(layer) for layer in layers]
    assert best is not None
    layers[:] = best[1]


def _number(layer: list[Slot]) -> None:
    for number, slot in enumerate(layer):
        slot.order = number


def _crossings(layer: list[Slot]) -> int:
    """Count the crossings of the edges below a layer."""
    seen: list[float] = []
    crossings = 0
    for slot in layer:
        lower = sorted(other.order for other in slot.below)
        crossings += sum(len(seen) - bisect_right(seen, order) for order in lower)
        for order in lower:
            insort(seen, order)
    return crossings
