"""What OpenAI's clients send. They send much that says nothing to our agents: that is let by."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function


class Lenient(BaseModel):
    """A part of a request, with fields that we do not know."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class ImageUrl(Lenient):
    """An image."""

    url: str = Field(description="a `data:` URL; nothing is fetched")


class File(Lenient):
    """A file."""

    file_data: str | None = Field(None, description="a `data:` URL, or base64")
    filename: str | None = None
    file_id: str | None = Field(None, description="refused: no files are kept here")


class Audio(Lenient):
    """Audio."""

    data: str = Field(description="base64")
    format: str


class Part(Lenient):
    """A part of a message: a text, an image, a file or audio."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | str | None = None
    file: File | None = None
    input_audio: Audio | None = None


class CalledFunction(Lenient):
    """A function that a model called, with JSON as its arguments."""

    name: str
    arguments: str | None = None


class CustomCall(Lenient):
    """A tool of the caller's that a model called with a text."""

    name: str
    input: str | None = None


class CalledTool(Lenient):
    """A call of one of the caller's own tools."""

    id: str
    function: CalledFunction | None = None
    custom: CustomCall | None = None


class ChatMessage(Lenient):
    """A line of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    name: str | None = Field(None, description="who of several speaks")
    tool_calls: list[CalledTool] | None = None
    function_call: CalledFunction | None = None
    tool_call_id: str | None = None


class StreamOptions(Lenient):
    """What a stream has besides its text."""

    include_usage: bool | None = Field(None, description="end with a chunk that has the usage")


class Only:
    """What a field may be beside null, where we can meet nothing else. `words`: why."""

    def __init__(self, words: str, *values: Any) -> None:
        self._words = words
        self._values = [None, *values]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Refuses everything else."""
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Names the values."""
        return {"enum": self._values}

    def _check(self, value: Any) -> Any:
        if json.dumps(value) not in map(json.dumps, self._values) and not _may_choose(value):
            raise ValueError(self._words)
        return value


def _may_choose(value: Any) -> bool:
    """Whether this is a choice of tools of which none need be called."""
    match value:
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}:
            return True
        case _:
            return False


# What a client asks for and would not get is refused. What only guides a model (temperature, top_p, max_tokens, seed,
# reasoning_effort, logit_bias, service_tier, tools that need not be called, parallel_tool_calls, …) is let by: the
# agent decides it, and no answer is wrong without it.
ToolChoice = Annotated[Any, Only("the agent calls its own tools: it can be auto or none", "auto", "none")]
ResponseFormat = Annotated[Any, Only("the agent answers in words: it can be of the type text", {"type": "text"})]
Modalities = Annotated[Any, Only("the agent answers in words: it can be text alone", ["text"])]
AudioOutput = Annotated[Any, Only("the agent answers in words, and speaks none")]
Logprobs = Annotated[Any, Only("the agent tells no probabilities: it can be false", False)]
TopLogprobs = Annotated[Any, Only("the agent tells no probabilities: it can be 0", 0)]
Stop = Annotated[Any, Only("the agent's answer is not cut: leave it out", "", [])]
WebSearch = Annotated[Any, Only("the agent has its own tools: leave it out")]


class CompletionRequest(Lenient):
    """A request for an answer. Without `metadata.thread_id`, or `user` and `store`, nothing of it is remembered."""

    model: str = Field(description="an agent's name")
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=2000)] = Field(
        description="the conversation; where a thread is named, only its last message and the instructions count"
    )
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = Field(None, description="an agent answers once")
    user: str | None = Field(None, max_length=256, description="your user; with `store`, he has one lasting thread")
    store: bool | None = None
    metadata: dict[str, Any] | None = Field(None, description="`thread_id` names a lasting thread")
    tool_choice: ToolChoice = Field(None, description="`auto` or `none`: the tools are the agent's")
    function_call: ToolChoice = Field(None, description="`auto` or `none`: the tools are the agent's")
    response_format: ResponseFormat = Field(None, description='`{"type": "text"}`: no format can be promised')
    modalities: Modalities = Field(None, description='`["text"]`')
    audio: AudioOutput = Field(None, description="refused: the answer is a text")
    logprobs: Logprobs = Field(None, description="`false`")
    top_logprobs: TopLogprobs = Field(None, description="0")
    stop: Stop = Field(None, description="refused, unless it is empty: the answer is whole")
    web_search_options: WebSearch = Field(None, description="refused: the agent has its own tools")
