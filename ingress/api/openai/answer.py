"""What OpenAI's clients get: a completion, a chunk of one, the models."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from answerback.messages import Usage

FinishReason = Literal["stop", "length"]
"""Why it ends: it is whole, or was cut short, because somebody cancelled the turn. OpenAI has no other word for that:
https://platform.openai.com/docs/api-reference/chat/object"""


def finish_reason(status: str) -> FinishReason:
    """Of a turn that ended so."""
    return "stop" if status == "completed" else "length"


class CompletionUsage(BaseModel):
    """Tokens of the agent's model in this turn; 0 for an agent that asks none, or does not tell."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, usage: Usage | None) -> CompletionUsage:
        """From a turn's own."""
        read, written = (usage.input_tokens, usage.output_tokens) if usage else (0, 0)
        return cls(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


class AnswerMessage(BaseModel):
    """What the agent said, all its messages as one."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    """The one answer."""

    index: int = 0
    message: AnswerMessage
    logprobs: None = None
    finish_reason: FinishReason = "stop"


class Completion(BaseModel):
    """An answer. Where a lasting thread was named, `metadata.thread_id` is its id."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage
    metadata: dict[str, str] | None = None


class Piece(BaseModel):
    """What a chunk adds."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoice(BaseModel):
    """The one answer, as it grows."""

    index: int = 0
    delta: Piece
    logprobs: None = None
    finish_reason: FinishReason | None = None


class Chunk(BaseModel):
    """A piece of an answer."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice] = []
    usage: CompletionUsage | None = None
    metadata: dict[str, str] | None = None


class ModelEntry(BaseModel):
    """An agent that can be talked to, as a model."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "answerback"


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[ModelEntry]
