"""The data of a flow's drawing: nodes as boxes, edges as arrows."""

from __future__ import annotations

import msgspec


class Box(msgspec.Struct, frozen=True, omit_defaults=True):
    """A node.

    Attributes:
        name: Display name.
        kind: router, instruction, static or final.
        aside: Whether the conversation returns from it to the node before.
    """

    id: str
    name: str
    kind: str
    aside: bool = False


class Arrow(msgspec.Struct, frozen=True, omit_defaults=True):
    """An edge. `source`: the id of its node; None for a global edge, which leaves any node."""

    source: str | None
    target: str
    label: str
    fallback: bool = False


class Sketch(msgspec.Struct, frozen=True):
    """A whole flow. `start`: the id of the initial node."""

    start: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    def name(self, id: str) -> str:
        """Return a node's display name; its id if the flow no longer has that node."""
        return next((box.name for box in self.boxes if box.id == id), id)
