"""What is said in a turn of a flow."""

from __future__ import annotations

from collections.abc import Callable


class ReplyBuffer:
    """Texts, with an empty line between them. `show` is given all of it, whenever there is more."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._texts: list[str] = []
        self._show = show

    def __str__(self) -> str:
        return "\n\n".join(self._texts)

    def add(self, text: str) -> None:
        """Say something; nothing, where there are only spaces."""
        if text.strip():
            self._texts.append(text)
            self._show(str(self))

    def begin(self, text: str) -> None:
        """Show what there is of a text that is added when it is whole."""
        if text.strip():
            self._show("\n\n".join([*self._texts, text]))
