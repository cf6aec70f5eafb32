"""Request and response models of the thread routes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from ..route import Model
from .messages import AgentName, Metadata, Title, UserId
from .threads import MessageView, ThreadView


class NewThread(Model):
    """A thread to create."""

    agent: AgentName | None = Field(None, description="the agent that answers; default: the default chat agent")
    system: Annotated[str, StringConstraints(max_length=32_000)] = Field(
        "", description="additional instructions for the agent"
    )
    user_id: UserId | None = Field(None, description="your id of the user")
    title: Title = ""
    metadata: Metadata = Field({})


class Change(Model):
    """The fields to change; the others stay."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    title: Title | None = None
    pinned: bool | None = None
    archived: bool | None = None
    metadata: Metadata | None = Field(None, description="replaces all metadata")

    @model_validator(mode="after")
    def _changes_something(self) -> Change:
        if not self.model_fields_set:
            raise ValueError("give at least one of title, pinned, archived and metadata")
        return self


class ThreadQuery(Model):
    """Filters and paging of the thread list."""

    user_id: UserId | None = None
    archived: Literal["true", "false", "any"] = "false"
    pinned: bool | None = None
    cursor: str = Field("", max_length=500, description="the `next_cursor` of the previous page")
    limit: int = Field(50, ge=1, le=100)


class Threads(Model):
    """A page of threads. It may hold fewer than `limit` and still have a `next_cursor`."""

    threads: list[ThreadView]
    next_cursor: str | None


class WholeThread(ThreadView):
    """A thread with its messages."""

    messages: list[MessageView] = Field(description="the newest 2,000, oldest first")
    earlier: int = Field(description="the number of older messages; GET …/messages returns all")
    waiting: list[MessageView] = Field(description="messages not answered yet; the first may be in progress")
    after: str = Field(description="the event id from which to follow the thread's stream, after `messages`")
