"""What a turn produces while it runs, as those who follow its thread see it."""

from __future__ import annotations

from typing import Any, Literal

Outcome = Literal["done", "failed", "unknown"]


class Stream:
    """Nobody follows: all is dropped. A worker gives the turns of followed threads one that is heard.

    The messages of a turn are numbered from 0. `live` tells whether it is worth the work to produce
    a message piece by piece.
    """

    live: bool = False

    def text(self, number: int, chunk: str) -> None:
        """More of a message."""

    def again(self, number: int) -> None:
        """A message begins anew: its next piece is its first."""

    def whole(self, number: int, text: str) -> None:
        """A message as it is said, whatever was shown of it before."""

    def tool_call(self, id: str, name: str, args: Any, *, public: bool = False) -> None:
        """A tool is called. `public`: a page's visitor may read `args`."""

    def tool_result(self, id: str, name: str, result: Any, outcome: Outcome, *, public: bool = False) -> None:
        """What came of it. `public`: a page's visitor may read `result`."""
