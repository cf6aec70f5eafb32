"""The language model, as a walk through a flow knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from answerback.flows.choices import Option
from answerback.flows.definition import Node

Refuse = Callable[[Option, Mapping[str, Any]], Sequence[str]]
"""What is wrong with the arguments of a choice."""


class Model(Protocol):
    """What a walk asks of a language model."""

    async def choose(
        self, node: Node, choices: Sequence[Option], scope: Mapping[str, Any], refuse: Refuse
    ) -> tuple[Option, dict[str, Any]]:
        """One of the choices, and its arguments, in which `refuse` finds no fault."""
        ...

    async def phrase(self, node: Node, scope: Mapping[str, Any], show: Callable[[str], None]) -> str:
        """The node's instruction in words for the user; `show` may be given what there is of them meanwhile."""
        ...
