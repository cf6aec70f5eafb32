"""A streamed completion: chunks as server-sent events, then `[DONE]` or an error."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ...problems import Problem, explained
from ..conversations.text_stream import TextStream
from ..sse import one_line
from .answer import Chunk, ChunkChoice, CompletionUsage, FinishReason, Piece, finish_reason
from .refusal import details


async def chunks(answer: TextStream, blank: Chunk, *, usage: bool) -> AsyncGenerator[bytes, None]:
    """Yield the chunks of an answer, made from the template `blank`."""
    yield _chunk(blank, Piece(role="assistant", content=""))
    try:
        async for text in answer.pieces:
            yield _chunk(blank, Piece(content=text))
    except Exception as error:  # noqa: BLE001  # sent to the client, and logged by `explained`
        # The response has started: the error becomes its last event.
        yield _event(details(explained(error, "chat/completions")).model_dump_json())
        return
    yield _chunk(blank, Piece(), finish_reason(answer.end.status if answer.end else "completed"))
    if usage and answer.end is not None:
        yield _event(blank.model_copy(update={"usage": CompletionUsage.of(answer.end.usage)}).model_dump_json())
    yield _event("[DONE]")


def refused(problem: Problem) -> bytes:
    """Return the event that ends a stream early."""
    return _event(details(problem).model_dump_json())


def _chunk(blank: Chunk, piece: Piece, finished: FinishReason | None = None) -> bytes:
    chunk = blank.model_copy(update={"choices": [ChunkChoice(delta=piece, finish_reason=finished)]})
    return _event(chunk.model_dump_json(exclude={"choices": {"__all__": {"delta": _unset(piece)}}}))


def _unset(piece: Piece) -> set[str]:
    # OpenAI omits unset fields of a delta instead of sending null.
    return {name for name in ("role", "content") if getattr(piece, name) is None}


def _event(data: str) -> bytes:
    return b"data: %b\n\n" % one_line(data.encode())
