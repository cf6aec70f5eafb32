"""A streamed completion: chunks as server-sent events, then `[DONE]` or an error."""

from __future__ import annotations

from collections import deque

from answerback.log import get_logger

from ...problems import Problem, explained
from ..conversations.text_stream import TextStream
from ..sse import one_line
from .answer import Chunk, ChunkChoice, CompletionUsage, Piece, finish_reason
from .refusal import details

log = get_logger(__name__)


class Chunks:
    """The chunks of an answer, made from the template `blank`. `anext` may be cancelled."""

    def __init__(self, words: TextStream, blank: Chunk, *, usage: bool) -> None:
        self._words = words
        self._blank = blank
        self._usage = usage
        self._ready = deque([self._chunk(Piece(role="assistant", content=""))])
        self._over = False

    def __aiter__(self) -> Chunks:
        return self

    async def __anext__(self) -> bytes:
        while not self._ready:
            if self._over:
                raise StopAsyncIteration
            try:
                self._ready.append(self._chunk(Piece(content=await anext(self._words))))
            except StopAsyncIteration:
                self._finish()
            except Exception as error:  # noqa: BLE001  # sent to the client, and logged by `explained`
                # The response has started: the error becomes its last event.
                self._over = True
                self._ready.append(_event(details(explained(error, "chat/completions")).model_dump_json()))
        return self._ready.popleft()

    def _finish(self) -> None:
        self._over = True
        self._ready.append(self._chunk(Piece(), last=True))
        if self._usage and self._words.end is not None:
            usage = CompletionUsage.of(self._words.end.usage)
            self._ready.append(_event(self._blank.model_copy(update={"usage": usage}).model_dump_json()))
        self._ready.append(_event("[DONE]"))

    def _chunk(self, piece: Piece, *, last: bool = False) -> bytes:
        reason = finish_reason(self._words.end.status if self._words.end else "completed") if last else None
        choice = ChunkChoice(delta=piece, finish_reason=reason)
        chunk = self._blank.model_copy(update={"choices": [choice]})
        return _event(chunk.model_dump_json(exclude={"choices": {"__all__": {"delta": _unset(piece)}}}))


def refused(problem: Problem) -> bytes:
    """Return the event that ends a stream early."""
    return _event(details(problem).model_dump_json())


def _unset(piece: Piece) -> set[str]:
    # OpenAI omits unset fields of a delta instead of sending null.
    return {name for name in ("role", "content") if getattr(piece, name) is None}


def _event(data: str) -> bytes:
    return b"data: %b\n\n" % one_line(data.encode())
