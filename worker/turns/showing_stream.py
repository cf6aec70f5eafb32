"""A turn's stream that is also shown on the platform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from answerback.agents.stream import Outcome
from answerback.events import Event
from answerback.messages import Retrieval
from answerback.outgoing import Button, Select
from answerback.platforms import StreamTask
from answerback.store.stream.events import EncodedEvent

from .showing import Showing
from .stream_writer import TurnStream


class ShowingStream(TurnStream):
    """Passes everything on to the stream of the thread's followers, and the text of the next reply to the platform."""

    def __init__(self, showing: Showing, inner: TurnStream) -> None:
        self.live = True
        self._showing = showing
        self._inner = inner
        self._texts: dict[int, str] = {}

    def followed_by(self, stream: TurnStream) -> TurnStream:
        self._inner = stream
        return self

    # Called by the agent ---------------------------------------------------------------------------

    def text(self, number: int, chunk: str) -> None:
        self._inner.text(number, chunk)
        self._texts[number] = text = self._texts.get(number, "") + chunk
        self._showing.write(number, text)

    def again(self, number: int) -> None:
        self._inner.again(number)
        self._texts.pop(number, None)

    def whole(self, number: int, text: str) -> None:
        self._inner.whole(number, text)

    def tool_call(self, id: str, name: str, args: Any, *, public: bool = False) -> None:
        self._inner.tool_call(id, name, args, public=public)
        self._showing.task(StreamTask(id, _title(name)))

    def retrieval(self, retrieval: Retrieval) -> None:
        self._inner.retrieval(retrieval)

    def progress(self, text: str) -> None:
        self._inner.progress(text)

    def actions(self, number: int, actions: Sequence[Button | Select]) -> None:
        self._inner.actions(number, actions)

    def tool_result(self, id: str, name: str, result: Any, outcome: Outcome, *, public: bool = False) -> None:
        self._inner.tool_result(id, name, result, outcome, public=public)
        self._showing.task(StreamTask(id, _title(name), "done" if outcome == "done" else "failed"))

    # Called by the worker --------------------------------------------------------------------------

    async def recover(self) -> None:
        await self._inner.recover()

    def begin(self, agent: str, attempt: int, events: Sequence[Event]) -> None:
        self._inner.begin(agent, attempt, events)

    def partial(self, number: int) -> str:
        return self._texts.get(number, "")

    async def settle(self) -> None:
        await self._showing.close()

    async def finish(self) -> list[EncodedEvent]:
        await self._showing.close()
        return await self._inner.finish()

    def abort(self) -> None:
        self._showing.abort()


def _title(name: str) -> str:
    return name.replace("_", " ").strip().capitalize() or name
