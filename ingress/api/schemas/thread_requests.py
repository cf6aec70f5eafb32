"""What the routes of threads take and return."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from ..route import Model
from .messages import AgentName, Metadata, Title, UserId
from .threads import MessageView, ThreadView


class NewThread(Model):
    """A thread to open."""

    agent: AgentName | None = Field(None, description="the agent that answers; unset: the first that takes chats")
    system: Annotated[str, StringConstraints(max_length=32_000)] = Field(
        "", description="what its agent is told besides"
    )
    user_id: UserId | None = Field(None, description="whose it is: your own id of a person")
    title: Title = ""
    metadata: Metadata = Field({})


class Change(Model):
    """What is to be changed; what is not given stays."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    title: Title | None = None
    pinned: bool | None = None
    archived: bool | None = None
    metadata: Metadata | None = Field(None, description="takes the place of all there was")

    @model_validator(mode="after")
    def _changes_something(self) -> Change:
        if not self.model_fields_set:
            raise ValueError("give something to change: title, pinned, archived or metadata")
        return self


class ThreadQuery(Model):
    """Which threads."""

    user_id: UserId | None = None
    archived: Literal["true", "false", "any"] = "false"
    pinned: bool | None = None
    cursor: str = Field("", max_length=500, description="the `next_cursor` of the page before")
    limit: int = Field(50, ge=1, le=100)


class Threads(Model):
    """A page of threads. It may hold fewer than asked for, and have a `next_cursor` all the same."""

    threads: list[ThreadView]
    next_cursor: str | None


class WholeThread(ThreadView):
    """A thread with what was said in it."""

    messages: list[MessageView] = Field(description="the newest 2,000, oldest first")
    earlier: int = Field(description="how many came before: GET …/messages has them all")
    waiting: list[MessageView] = Field(description="what is not answered yet; the first may be under way")
    after: str = Field(description="follow the thread's stream from here to see what comes after `messages`")
