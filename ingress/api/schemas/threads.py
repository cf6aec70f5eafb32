"""Models of threads: requests to create, change and list them; a summary for lists, and the whole with its messages."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from answerback.attention import Attention
from answerback.store.chats.chat import Chat, ChatSnapshot

from ..auth import audience
from ..context import Principal
from ..links import web_url
from ..route import Model
from .message_views import MessageView
from .messages import AgentName, Metadata, System, Title, UserId
from .moments import Moment, moment


class NewThread(Model):
    """A thread to create."""

    agent: AgentName | None = Field(None, description="the agent that answers; default: the default chat agent")
    system: System = Field("", description="additional instructions for the agent")
    user_id: UserId | None = Field(None, description="your own id of the user")
    title: Title = ""
    metadata: Metadata = Field({})


class ThreadChange(Model):
    """The fields to change; the others stay."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    title: Title | None = None
    pinned: bool | None = None
    archived: bool | None = None
    agent: AgentName | None = Field(
        None, description="the agent that answers messages from now on; null: the default chat agent"
    )
    system: System | None = Field(
        None, description='replaces the additional instructions, from the next turn on; "": none'
    )
    metadata: Metadata | None = Field(None, description="replaces all metadata")
    attention: Attention | None = Field(
        None, description="of a platform's thread: mutes or subscribes it, as people in it can"
    )

    @model_validator(mode="after")
    def _not_empty(self) -> ThreadChange:
        if not self.model_fields_set:
            raise ValueError(f"give at least one of {', '.join(ThreadChange.model_fields)}")
        return self

    @property
    def new_agent(self) -> str | None:
        """The name of the new agent; "" for the default chat agent, None to leave it as it is."""
        return self.agent or "" if "agent" in self.model_fields_set else None


class ThreadQuery(Model):
    """Filters and paging of the thread list."""

    user_id: UserId | None = None
    archived: Literal["true", "false", "any"] = "false"
    pinned: bool | None = None
    cursor: str = Field("", max_length=500, description="the `next_cursor` of the previous page")
    limit: int = Field(50, ge=1, le=100)


class ThreadSummary(Model):
    """A thread, without its messages."""

    id: str
    platform: str = Field(description='"chat", or the platform of a webhook thread')
    user_id: str | None
    agent: str | None
    title: str
    system: str
    metadata: dict[str, Any]
    pinned: bool
    archived: bool
    status: Literal["open", "ended"]
    state: Literal["idle", "waiting", "running", "retrying"]
    error: str | None = Field(description="why the last attempt failed, while it is retried; in full only with `admin`")
    attention: Attention = Field(
        description="how attentive agents are in a platform's thread: `subscribed` (every message is answered) or "
        "`muted` (only mentions are)"
    )
    url: str | None
    created_at: Moment
    updated_at: Moment = Field(description="the time of the last message")
    message_count: int
    waiting_count: int = Field(description="messages that are not answered yet")
    dead_letter_count: int

    @classmethod
    def fields_of(cls, chat: Chat, caller: Principal) -> dict[str, Any]:
        """Return the fields that the caller may see."""
        chat = audience.thread(caller, chat)
        return {
            "id": chat.id,
            "platform": chat.platform,
            "user_id": chat.user or None,
            "agent": chat.agent or None,
            "title": chat.title,
            "system": chat.system,
            "metadata": chat.metadata,
            "pinned": chat.pinned,
            "archived": chat.archived,
            "status": chat.status,
            "state": chat.state,
            "error": chat.error or None,
            "attention": chat.attention,
            "url": web_url(chat.url) or None,
            "created_at": moment(chat.created),
            "updated_at": moment(chat.updated),
            "message_count": chat.messages,
            "waiting_count": chat.waiting,
            "dead_letter_count": chat.dead_letters,
        }

    @classmethod
    def of(cls, chat: Chat, caller: Principal) -> ThreadSummary:
        """Return a thread as the caller may see it."""
        return cls(**cls.fields_of(chat, caller))


class ThreadPage(Model):
    """A page of threads. It may hold fewer than `limit` and still have a `next_cursor`."""

    threads: list[ThreadSummary]
    next_cursor: str | None


class ThreadDetail(ThreadSummary):
    """A thread with its messages."""

    messages: list[MessageView] = Field(description="the newest, oldest first")
    earlier: int = Field(description="the number of older messages; GET …/messages returns all")
    waiting: list[MessageView] = Field(description="messages not answered yet; the first may be in progress")
    after: str = Field(description="the event id from which to follow the thread's stream, after `messages`")

    @classmethod
    def of_snapshot(cls, snapshot: ChatSnapshot, caller: Principal, limit: int | None = None) -> ThreadDetail:
        """Return a thread with its newest messages, as the caller may see them."""
        messages = snapshot.messages[-limit:] if limit else snapshot.messages
        return cls(
            **cls.fields_of(snapshot.chat, caller),
            messages=[MessageView.of(message, caller) for message in messages],
            earlier=snapshot.earlier + len(snapshot.messages) - len(messages),
            waiting=[MessageView.waiting(event, caller) for event in snapshot.waiting],
            after=snapshot.after,
        )
