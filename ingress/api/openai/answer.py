"""Response models of OpenAI's API: completion, chunk, models."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from answerback.messages import Usage

FinishReason = Literal["stop", "length"]
"""Whether the answer is complete ("stop") or its turn was cancelled ("length"). OpenAI has no closer value:
https://platform.openai.com/docs/api-reference/chat/object"""


def finish_reason(status: str) -> FinishReason:
    """Return the finish reason of a turn with this status."""
    return "stop" if status == "completed" else "length"


class CompletionUsage(BaseModel):
    """Tokens that the agent's model used in this turn; 0 if it uses no model or does not report usage."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, usage: Usage | None) -> CompletionUsage:
        """Convert the usage of a turn."""
        read, written = (usage.input_tokens, usage.output_tokens) if usage else (0, 0)
        return cls(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


class AnswerMessage(BaseModel):
    """The agent's answer; its messages are joined into one."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    """The only choice."""

    index: int = 0
    message: AnswerMessage
    logprobs: None = None
    finish_reason: FinishReason = "stop"


class Completion(BaseModel):
    """A completion. If the request named a thread, `metadata.thread_id` is its id."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage
    metadata: dict[str, str] | None = None


class Piece(BaseModel):
    """The delta of a chunk."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoice(BaseModel):
    """The only choice of a chunk."""

    index: int = 0
    delta: Piece
    logprobs: None = None
    finish_reason: FinishReason | None = None


class Chunk(BaseModel):
    """A chunk of a streamed completion."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice] = []
    usage: CompletionUsage | None = None
    metadata: dict[str, str] | None = None


class ModelEntry(BaseModel):
    """An agent that accepts chat messages, as a model."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "answerback"


class ModelList(BaseModel):
    """The list of models."""

    object: Literal["list"] = "list"
    data: list[ModelEntry]
