"""What OpenAI's clients send. They send much that says nothing to our agents: that is let by."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


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
