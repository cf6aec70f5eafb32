"""The stream of a running turn, shown to the followers of its thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from answerback.messages import Retrieval
from answerback.outgoing import Button, Select

Outcome = Literal["done", "failed", "unknown"]


class Stream:
    """A stream without followers: discards everything. Workers give turns of followed threads a subclass that writes.

    The messages of a turn are numbered from 0. `live`: whether a message should be produced piece by piece.
    """

    live: bool = False

    def text(self, number: int, chunk: str) -> None:
        """Append a piece to a message."""

    def again(self, number: int) -> None:
        """Restart a message: its next piece is its first."""

    def whole(self, number: int, text: str) -> None:
        """Replace whatever was shown of a message by its final text."""

    def tool_call(self, id: str, name: str, args: Any, *, public: bool = False) -> None:
        """Report a tool call. `public`: a page's visitors may read `args`."""

    def retrieval(self, retrieval: Retrieval) -> None:
        """Report what was looked up."""

    def progress(self, text: str) -> None:
        """Report what the turn is doing; "" if that is over."""

    def actions(self, number: int, actions: Sequence[Button | Select]) -> None:
        """Report the buttons and menus of a message, in place of those that it had."""

    def tool_result(self, id: str, name: str, result: Any, outcome: Outcome, *, public: bool = False) -> None:
        """Report the result of a tool call. `public`: a page's visitors may read `result`."""
