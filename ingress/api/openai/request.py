"""Request models of OpenAI's API. Parameters that do not apply to agents are ignored."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function


class Lenient(BaseModel):
    """Base of the request models; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class ImageUrl(Lenient):
    """An image."""

    url: str = Field(description="a `data:` URL; other URLs are not fetched")


class File(Lenient):
    """A file."""

    file_data: str | None = Field(None, description="a `data:` URL, or base64")
    filename: str | None = None
    file_id: str | None = Field(None, description="the id of a file of the thread that `metadata.thread_id` names")


class Audio(Lenient):
    """Audio, as base64."""

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
    """A function call of a model, with JSON arguments."""

    name: str
    arguments: str | None = None


class CustomCall(Lenient):
    """A call of one of the caller's custom tools, with a text as input."""

    name: str
    input: str | None = None


class CalledTool(Lenient):
    """A call of one of the caller's own tools."""

    id: str
    function: CalledFunction | None = None
    custom: CustomCall | None = None


class ChatMessage(Lenient):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    refusal: str | None = Field(None, description="why a model gave no answer; instead of `content`")
    name: str | None = Field(None, description="the name of the author")
    tool_calls: list[CalledTool] | None = None
    function_call: CalledFunction | None = None
    tool_call_id: str | None = None


class StreamOptions(Lenient):
    """Options of a streamed completion."""

    include_usage: bool | None = Field(None, description="end with a chunk that contains the usage")


class Only:
    """Restrict a field to null and the given values, because others cannot be honored. `words`: the error message."""

    def __init__(self, words: str, *values: Any) -> None:
        self._words = words
        self._values = [None, *values]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return a schema that refuses other values."""
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return a JSON schema that lists the values."""
        return {"enum": self._values}

    def _check(self, value: Any) -> Any:
        if json.dumps(value) not in map(json.dumps, self._values) and not _may_choose(value):
            raise ValueError(self._words)
        return value


def _may_choose(value: Any) -> bool:
    """Return whether this `tool_choice` allows the model to call no tool."""
    match value:
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}:
            return True
        case _:
            return False


# Refuse what a client requires and would not get. Ignore what only guides a model (temperature, top_p, max_tokens,
# seed, reasoning_effort, logit_bias, service_tier, tools that need not be called, parallel_tool_calls, …): the agent
# decides on it, and no answer is wrong without it.
ToolChoice = Annotated[Any, Only("must be auto or none: the agent calls its own tools", "auto", "none")]
ResponseFormat = Annotated[Any, Only("must be of the type text: the agent answers in text", {"type": "text"})]
Modalities = Annotated[Any, Only("must be text only: the agent answers in text", ["text"])]
AudioOutput = Annotated[Any, Only("is not supported: the agent answers in text")]
Logprobs = Annotated[Any, Only("must be false: log probabilities are not available", False)]
TopLogprobs = Annotated[Any, Only("must be 0: log probabilities are not available", 0)]
Stop = Annotated[Any, Only("is not supported: omit it", "", [])]
WebSearch = Annotated[Any, Only("is not supported: the agent has its own tools")]


class CompletionRequest(Lenient):
    """A completion request. Without `metadata.thread_id`, or `user` and `store`, nothing is remembered."""

    model: str = Field(description="an agent's name")
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=2000)] = Field(
        description="the conversation; if a thread is named, only the last message and the instructions are used"
    )
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = Field(None, description="an agent gives one answer")
    user: str | None = Field(None, max_length=256, description="your user; with `store`, each has a persistent thread")
    store: bool | None = None
    metadata: dict[str, Any] | None = Field(None, description="`thread_id` names a persistent thread")
    tool_choice: ToolChoice = Field(None, description="`auto` or `none`: the tools are the agent's")
    function_call: ToolChoice = Field(None, description="`auto` or `none`: the tools are the agent's")
    response_format: ResponseFormat = Field(None, description='`{"type": "text"}`: other formats cannot be guaranteed')
    modalities: Modalities = Field(None, description='`["text"]`')
    audio: AudioOutput = Field(None, description="refused: the answer is text")
    logprobs: Logprobs = Field(None, description="`false`")
    top_logprobs: TopLogprobs = Field(None, description="0")
    stop: Stop = Field(None, description="refused unless empty: the answer is not cut")
    web_search_options: WebSearch = Field(None, description="refused: the agent has its own tools")
