"""The text of a reply in pieces, from the stream events of its turn."""

from __future__ import annotations

from answerback.store.stream.events import StreamEvent, TextEvent, UnknownEvent

BETWEEN = "\n\n"
"""Between the messages of a reply."""


class Pieces:
    """Joins the messages of one reply."""

    def __init__(self) -> None:
        self._message = ""
        self._so_far = ""
        self._length = 0

    def of(self, event: StreamEvent | UnknownEvent) -> str:
        """Return the text that an event adds."""
        if not isinstance(event, TextEvent):
            return ""
        piece = ""
        if event.message != self._message:
            piece = BETWEEN if self._so_far else ""
            self._message, self._length = event.message, 0
        piece += event.text[max(0, self._length - event.at) :]
        self._length = max(self._length, event.at + len(event.text))
        self._so_far += piece
        return piece

    def rest(self, reply: str) -> str:
        """Return what is left of the complete reply: all of it, if the agent returned it at once."""
        return reply.removeprefix(self._so_far) if reply.startswith(self._so_far) else ""
