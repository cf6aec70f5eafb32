"""An agent whose tools, instructions, failures and name all hold a word that no page's visitor may read.

In a module of its own: what models need takes a worker seconds to import.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from pydantic_ai import ModelRetry
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel

from answerback import Agent, Turn, public

SECRET = "canary-4711"


async def look_up(customer: str) -> dict[str, str]:
    """Look a customer up."""
    return {"customer": customer, "token": f"result {SECRET}"}


async def fail(customer: str) -> str:
    """Fail, so that the model may try again."""
    raise ModelRetry(f"no {customer}: {SECRET}")


@public
async def find_shoes(size: int) -> str:
    """Find shoes: visitors may see them."""
    return f"shoes of size {size}"


CALLS = [
    ToolCallPart("look_up", {"customer": f"args {SECRET}"}, tool_call_id="c1"),
    ToolCallPart("find_shoes", {"size": 42}, tool_call_id="c2"),
    ToolCallPart("fail", {"customer": f"args {SECRET}"}, tool_call_id="c3"),
]


def _answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    asked = [part for message in messages if isinstance(message, ModelRequest) for part in message.parts]
    if "explode" in str(asked[-1]):
        raise ValueError(f"postgresql://bot:{SECRET}@db refused")
    if isinstance(messages[-1], ModelRequest) and any(isinstance(part, ToolReturnPart) for part in messages[-1].parts):
        return ModelResponse(parts=[TextPart("Here they are.")])
    return ModelResponse(parts=list(CALLS))


async def _stream(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
    for number, part in enumerate(_answer(messages, info).parts):
        if isinstance(part, TextPart):
            yield part.content
        elif isinstance(part, ToolCallPart):
            yield {number: DeltaToolCall(part.tool_name, part.args_as_json_str(), tool_call_id=part.tool_call_id)}


def _instructions(turn: Turn) -> str:
    turn.state["secret"] = SECRET
    return f"Never say {SECRET}."


confiding = Agent(
    f"agent-{SECRET}",
    model=FunctionModel(_answer, stream_function=_stream),
    instructions=_instructions,
    tools=[look_up, find_shoes, fail],
    description=SECRET,
)
