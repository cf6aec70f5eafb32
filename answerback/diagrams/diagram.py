"""What is drawn of a dialog flow: its nodes as boxes, its edges as arrows."""

from __future__ import annotations

import msgspec


class Box(msgspec.Struct, frozen=True, omit_defaults=True):
    """A node.

    name   as it is shown
    kind   router, instruction, static or final
    aside  whether one goes back from it to where one was
    """

    id: str
    name: str
    kind: str
    aside: bool = False


class Arrow(msgspec.Struct, frozen=True, omit_defaults=True):
    """An edge. `source`: the id of its node; None: it leads away from any node."""

    source: str | None
    target: str
    label: str
    fallback: bool = False


class Sketch(msgspec.Struct, frozen=True):
    """A whole flow. `start`: the id of the node that is said first."""

    start: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    def name(self, id: str) -> str:
        """How a node is called; its id where the flow has no such node any more."""
        return next((box.name for box in self.boxes if box.id == id), id)
