"""The reply of a flow's turn."""

from __future__ import annotations

from collections.abc import Callable


class ReplyBuffer:
    """Texts separated by blank lines. `show` receives the whole reply whenever it grows."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._texts: list[str] = []
        self._show = show

    def __str__(self) -> str:
        return "\n\n".join(self._texts)

    def add(self, text: str) -> None:
        """Append a text unless it is blank."""
        if text.strip():
            self._texts.append(text)
            self._show(str(self))

    def begin(self, text: str) -> None:
        """Show an unfinished text, which is added once it is complete."""
        if text.strip():
            self._show("\n\n".join([*self._texts, text]))
