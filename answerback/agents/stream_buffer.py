"""The stream events of one attempt of a turn, until they are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

from msgspec import UNSET

from answerback.agents.stream import Outcome, Stream
from answerback.events import Event
from answerback.messages import Retrieval
from answerback.outgoing import Button, Select
from answerback.store.stream.events import (
    ActionsEvent,
    EncodedEvent,
    ProgressEvent,
    RetrievalEvent,
    StreamAction,
    StreamEvent,
    TextEvent,
    ToolCallEvent,
    ToolResultEvent,
    TurnEvent,
    TurnMessage,
    UnknownEvent,
    encode_event,
)


class StreamBuffer(Stream):
    """Collects stream events.

    It knows what followers have seen of each message, also from an attempt that died: that is not repeated, and if this
    attempt produces a different text, it continues from where the texts diverge.
    """

    def __init__(self, turn: str) -> None:
        self.live = True
        self._turn = turn
        self._texts: dict[int, str] = {}
        self._shown: dict[int, str] = {}
        self._fresh: dict[int, bool] = {}
        self._with_actions: set[int] = set()
        self._written: set[EncodedEvent] = set()
        self._pending: list[EncodedEvent] = []
        self._closed = False

    def changed(self) -> None:
        """Called when there is something to take."""

    # Called by the agent ---------------------------------------------------------------------------

    def text(self, number: int, chunk: str) -> None:
        """Append to a message."""
        self._texts[number] = self._texts.get(number, "") + chunk
        self._show(number, whole=False)

    def again(self, number: int) -> None:
        """Restart a message; the text shown stays until it differs."""
        self._texts.pop(number, None)

    def whole(self, number: int, text: str) -> None:
        """Set the final text of a message."""
        self._texts[number] = text
        self._show(number, whole=True)

    def tool_call(self, id: str, name: str, args: Any, *, public: bool = False) -> None:
        """Add the call of a tool."""
        self._add(ToolCallEvent(turn=self._turn, id=id, name=name, args=args, public=public or UNSET))

    def tool_result(self, id: str, name: str, result: Any, outcome: Outcome, *, public: bool = False) -> None:
        """Add the result of a tool call."""
        self._add(
            ToolResultEvent(turn=self._turn, id=id, name=name, result=result, outcome=outcome, public=public or UNSET)
        )

    def retrieval(self, retrieval: Retrieval) -> None:
        """Add what was looked up."""
        public = retrieval.public or UNSET
        self._add(
            RetrievalEvent(
                turn=self._turn,
                id=retrieval.id,
                query=retrieval.query,
                documents=retrieval.documents,
                public=public,
            )
        )

    def progress(self, text: str) -> None:
        """Add what the turn is doing."""
        self._add(ProgressEvent(turn=self._turn, text=text))

    def actions(self, number: int, actions: Sequence[Button | Select]) -> None:
        """Add the buttons and menus of a message, or that it has none any more."""
        if actions or number in self._with_actions:
            self._with_actions.add(number)
            shown = tuple(StreamAction.of(action) for action in actions)
            self._add(ActionsEvent(turn=self._turn, message=f"{self._turn}.{number}", actions=shown))

    # Called by the runner of the turn ---------------------------------------------------------------

    def begin(self, agent: str, attempt: int, events: Sequence[Event]) -> None:
        """Announce the turn, unless an earlier attempt has done so."""
        if not any(kind == TurnEvent.kind for kind, _ in self._written):
            ids = tuple(event.id for event in events)
            messages = tuple(TurnMessage(id=event.id, text=event.text, author=event.author) for event in events)
            self._add(TurnEvent(turn=self._turn, attempt=attempt, agent=agent, events=ids, messages=messages))

    def partial(self, number: int) -> str:
        """Return the text so far of an unfinished message."""
        return self._texts.get(number, "")

    def take(self) -> list[EncodedEvent]:
        """Return the events that were not taken yet."""
        self._cut()
        batch, self._pending = self._pending, []
        return batch

    def restore(self, events: Iterable[tuple[StreamEvent | UnknownEvent, EncodedEvent]]) -> None:
        """Set what followers have already seen of the turn: each event, and its encoded form."""
        shown: dict[int, str] = {}
        self._written.clear()
        for event, encoded in events:
            if event.turn != self._turn:
                continue
            if isinstance(event, TextEvent):
                number = int(event.message.rpartition(".")[2])
                shown[number] = shown.get(number, "")[: event.at] + event.text
            else:
                self._written.add(encoded)
        self._shown = shown

    def close(self) -> None:
        """Accept nothing more from the agent."""
        self._closed = True

    def _add(self, event: StreamEvent) -> None:
        """Add an event after the text so far, unless it was written."""
        if not self._closed:
            # Encoded at once: a tool may change its arguments.
            encoded = encode_event(event)
            if encoded not in self._written:
                self._cut()
                self._pending.append(encoded)
                self.changed()

    def _show(self, number: int, *, whole: bool) -> None:
        if not self._closed:
            self._fresh[number] = whole or self._fresh.get(number, False)
            self.changed()

    def _cut(self) -> None:
        """Turn text that was not shown yet into stream events."""
        for number, whole in self._fresh.items():
            text, shown = self._texts.get(number, ""), self._shown.get(number, "")
            if text == shown or (not whole and shown.startswith(text)):
                continue
            at = len(shown) if text.startswith(shown) else _common(text, shown)
            message = f"{self._turn}.{number}"
            self._pending.append(encode_event(TextEvent(turn=self._turn, message=message, at=at, text=text[at:])))
            self._shown[number] = text
        self._fresh.clear()


def _common(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
