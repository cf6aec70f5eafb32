"""The interface of a flow's language model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from answerback.flows.choices import Option
from answerback.flows.definition import Node

Refuse = Callable[[Option, Mapping[str, Any]], Sequence[str]]
"""Returns what is wrong with the arguments of a choice."""


class Model(Protocol):
    """What the engine needs of a language model."""

    async def choose(
        self, node: Node, choices: Sequence[Option], scope: Mapping[str, Any], refuse: Refuse
    ) -> tuple[Option, dict[str, Any]]:
        """Return one of the choices with arguments that `refuse` accepts."""
        ...

    async def phrase(self, node: Node, scope: Mapping[str, Any], show: Callable[[str], None]) -> str:
        """Return the reply for a node's instruction; `show` may receive it while it is written."""
        ...
