"""Show a language model's text and tool calls to the thread's followers, and record them for its history."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable
from typing import Any

from pydantic_ai import AgentStreamEvent, RunContext
from pydantic_ai.messages import (
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    ModelMessage,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_core import to_jsonable_python

from answerback.agents.llm.toolset import OUTPUT, OWN
from answerback.agents.stream import Outcome
from answerback.agents.turn import Turn
from answerback.messages import ToolCall


async def stream_text(ctx: RunContext[Turn], events: AsyncIterable[AgentStreamEvent]) -> None:
    """Stream the text of a model response to the followers."""
    turn = ctx.deps
    turn.stream.again(len(turn.replies))
    async for text in text_pieces(events):
        turn.write(text)


async def text_pieces(events: AsyncIterable[AgentStreamEvent]) -> AsyncIterator[str]:
    """Yield the text of a model response in pieces."""
    async for event in events:
        match event:
            case PartStartEvent(part=TextPart(content=text)) | PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                yield text


def stream_tools(turn: Turn, event: AgentStreamEvent) -> None:
    """Stream tool calls and their results to the followers."""
    match event:
        case FunctionToolCallEvent(part=part) if part.tool_name not in OWN:
            public = part.tool_name in turn.public
            turn.stream.tool_call(part.tool_call_id, part.tool_name, _args(part), public=public)
        case FunctionToolResultEvent(part=part) if part.tool_name not in OWN:
            outcome = _outcome(part, turn.unknown)
            name = part.tool_name or ""
            public = name in turn.public
            turn.stream.tool_result(part.tool_call_id, name, _plain(part.content), outcome, public=public)


def tool_calls(messages: Iterable[ModelMessage], unknown: set[str], public: Collection[str] = ()) -> list[ToolCall]:
    """Return the tool calls of a run with their results. Calls of the tools named in `public` are marked public."""
    parts = [part for message in messages for part in message.parts]
    results = {part.tool_call_id: part for part in parts if isinstance(part, ToolReturnPart)}
    calls = []
    for part in parts:
        if isinstance(part, ToolCallPart) and part.tool_name not in OWN and not part.tool_name.startswith(OUTPUT):
            result = results.get(part.tool_call_id)
            calls.append(
                ToolCall(
                    id=part.tool_call_id,
                    name=part.tool_name,
                    args=_args(part),
                    result=_plain(result.content) if result else None,
                    outcome=_outcome(result, unknown) if result else "failed",
                    public=part.tool_name in public,
                )
            )
    return calls


def _outcome(part: ToolReturnPart, unknown: set[str]) -> Outcome:
    if part.tool_call_id in unknown:
        return "unknown"
    return "done" if part.outcome == "success" else "failed"


def _args(part: ToolCallPart) -> Any:
    try:
        return part.args_as_dict()
    except ValueError:
        return part.args


def _plain(value: Any) -> Any:
    return to_jsonable_python(value, fallback=str)
