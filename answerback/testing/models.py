"""A language model whose answers a test writes down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel

from answerback.errors import TurnFailed


class Call(NamedTuple):
    """A tool call of a model."""

    tool: str
    args: dict[str, Any]


def call(tool: str, **args: Any) -> Call:
    """Return a tool call for `answers`."""
    return Call(tool, args)


def answers(*responses: str | Call | list[str | Call]) -> FunctionModel:
    """Return a model that answers its requests in this order; several calls at once are a list.

    Example:
        model = answers(call("find", query="shoes"), "We have red ones.")
        async with play(agent, model=model) as thread:
            assert await thread.say("shoes?") == "We have red ones."
    """
    left = [response if isinstance(response, list) else [response] for response in responses]

    def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if not left:
            raise TurnFailed(f"the model was asked more often than the {len(responses)} times it has answers for")
        tools = [tool.name for tool in (*info.function_tools, *info.output_tools)]
        parts: list[TextPart | ToolCallPart] = []
        for part in left.pop(0):
            if isinstance(part, Call):
                if part.tool not in tools:
                    raise TurnFailed(f'the agent has no tool "{part.tool}"; it has: {", ".join(tools)}')
                parts.append(ToolCallPart(part.tool, part.args))
            else:
                parts.append(TextPart(part))
        return ModelResponse(parts=parts)

    return responding(respond)


def responding(respond: Any) -> FunctionModel:
    """Return a model of a function that takes the messages and returns a response, or a coroutine of one.

    In a turn that is followed, the response is streamed word by word.
    """

    async def stream(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
        response = respond(messages, info)
        if not isinstance(response, ModelResponse):
            response = await response
        for number, part in enumerate(response.parts):
            if isinstance(part, TextPart):
                for piece in part.content.splitlines(keepends=True) or [""]:
                    for word in piece.replace(" ", " \0").split("\0"):
                        yield word
            elif isinstance(part, ToolCallPart):
                delta = DeltaToolCall(
                    name=part.tool_name, json_args=part.args_as_json_str(), tool_call_id=part.tool_call_id
                )
                yield {number: delta}

    return FunctionModel(respond, stream_function=stream)
