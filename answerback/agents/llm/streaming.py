"""What a language model says and does in a turn, as its followers and its thread's history see it."""

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

from answerback.agents.stream import Outcome
from answerback.agents.turn import Turn
from answerback.messages import ToolCall

REPLY = "reply"
"""The name of the tool with which a model replies at once: what it says is shown as a message, not as a call."""


async def show(ctx: RunContext[Turn], events: AsyncIterable[AgentStreamEvent]) -> None:
    """Write the pieces of one response of the model as they come."""
    turn = ctx.deps
    turn.stream.again(len(turn.replies))
    async for text in pieces(events):
        turn.write(text)


async def pieces(events: AsyncIterable[AgentStreamEvent]) -> AsyncIterator[str]:
    """The text of a response, as it comes."""
    async for event in events:
        match event:
            case PartStartEvent(part=TextPart(content=text)) | PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                yield text


def see(turn: Turn, event: AgentStreamEvent) -> None:
    """Tell of the tools that are called."""
    match event:
        case FunctionToolCallEvent(part=part) if part.tool_name != REPLY:
            public = part.tool_name in turn.public
            turn.stream.tool_call(part.tool_call_id, part.tool_name, _args(part), public=public)
        case FunctionToolResultEvent(part=part) if part.tool_name != REPLY:
            outcome = _outcome(part, turn.unknown)
            name = part.tool_name or ""
            public = name in turn.public
            turn.stream.tool_result(part.tool_call_id, name, _plain(part.content), outcome, public=public)


def calls(messages: Iterable[ModelMessage], unknown: set[str], public: Collection[str] = ()) -> list[ToolCall]:
    """The tool calls of a run, each with what came of it; those of the tools named in `public` are marked so."""
    parts = [part for message in messages for part in message.parts]
    results = {part.tool_call_id: part for part in parts if isinstance(part, ToolReturnPart)}
    found = []
    for part in parts:
        if isinstance(part, ToolCallPart) and part.tool_name != REPLY:
            result = results.get(part.tool_call_id)
            found.append(
                ToolCall(
                    id=part.tool_call_id,
                    name=part.tool_name,
                    args=_args(part),
                    result=_plain(result.content) if result else None,
                    outcome=_outcome(result, unknown) if result else "failed",
                    public=part.tool_name in public,
                )
            )
    return found


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
