"""Response models of threads and messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, WithJsonSchema

from answerback.events import Event
from answerback.messages import Attachment, Message
from answerback.store.chats.answers import TurnAnswer
from answerback.store.chats.chat import Chat
from answerback.store.threads.receipt import Receipt
from answerback.store.threads.turn_ends import general

from ..auth import audience
from ..context import Principal
from ..links import web_url
from ..route import Model


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


Moment = Annotated[
    datetime,
    PlainSerializer(_written, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time, always with milliseconds, so that sorting the strings sorts the times."""


class Author(Model):
    """The author of a message."""

    id: str
    name: str = ""


class ToolCall(Model):
    """A tool call of the agent. With a session token, only the name is shown, unless the tool is public."""

    id: str
    name: str
    args: Any
    result: Any
    outcome: str | None


class Usage(Model):
    """The model usage of a turn."""

    input_tokens: int
    output_tokens: int
    requests: int


class AttachmentInfo(Model):
    """An attachment of a message; for a file, only its size."""

    name: str
    content_type: str
    size: int = Field(description="bytes")
    text: str | None = None


class Failure(Model):
    """Why the turn of a message failed. The dead letter has the details, for an operator."""

    code: str = Field(description="agent_failed, unreachable, limit or timeout")
    reason: str = Field(description="the general reason")
    turn: str = Field(description="the dead letter's id")


class MessageView(Model):
    """One message of a thread."""

    id: str
    role: Literal["user", "assistant"]
    content: str
    created_at: Moment
    turn: str
    author: Author | None
    agent: str | None
    status: Literal["said", "waiting", "cancelled", "interrupted", "dropped", "failed"] = Field(
        description="cancelled: an incomplete answer or, for a user's message, its turn was cancelled before any "
        "answer; interrupted: an incomplete answer; dropped: not answered, because the agent was working; failed: its "
        "turn failed for good, see `error`"
    )
    error: Failure | None
    tool_calls: list[ToolCall]
    attachments: list[AttachmentInfo]
    usage: Usage | None

    @classmethod
    def of(cls, message: Message, caller: Principal) -> MessageView:
        """Return a message of the history as the caller may see it."""
        message = audience.message(caller, message)
        return cls(
            id=message.id or message.turn,
            role=message.role,
            content=message.text,
            created_at=moment(message.at),
            turn=message.turn,
            author=Author(id=message.author.id, name=message.author.name) if message.author else None,
            agent=message.agent or None,
            status="failed" if message.failed else message.status or "said",
            error=Failure(code=message.failed, reason=general(message.failed, ""), turn=message.turn)
            if message.failed
            else None,
            tool_calls=[ToolCall(**audience.tool_call(caller, call)) for call in message.tools],
            attachments=[_described(attachment) for attachment in message.attachments],
            usage=Usage(
                input_tokens=message.usage.input_tokens,
                output_tokens=message.usage.output_tokens,
                requests=message.usage.requests,
            )
            if message.usage
            else None,
        )

    @classmethod
    def waiting(cls, event: Event, caller: Principal) -> MessageView:
        """Return a message that is not answered yet, as the caller may see it."""
        message = Message(
            id=event.id, role="user", text=event.text, at=event.at, turn=event.id, author=event.author,
            attachments=event.attachments, visitor=event.visitor,
        )  # fmt: skip
        return cls.of(message, caller).model_copy(update={"status": "waiting"})


class ThreadView(Model):
    """A thread."""

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
    url: str | None
    created_at: Moment
    updated_at: Moment = Field(description="the time of the last message")
    message_count: int

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
            "url": web_url(chat.url) or None,
            "created_at": moment(chat.created),
            "updated_at": moment(chat.updated),
            "message_count": chat.messages,
        }

    @classmethod
    def of(cls, chat: Chat, caller: Principal) -> ThreadView:
        """Return a thread as the caller may see it."""
        return cls(**cls.fields_of(chat, caller))


class ReceiptView(Model):
    """The receipt of a stored message; it will be answered."""

    thread: str
    id: str = Field(description="the message's id in the thread")
    status: Literal["accepted", "duplicate"]
    after: str = Field(description="the event id from which to follow the thread's stream to see the answer")

    @classmethod
    def of(cls, thread: str, receipt: Receipt, after: str) -> ReceiptView:
        """Return the view of a receipt."""
        status: Literal["accepted", "duplicate"] = "duplicate" if receipt.status == "duplicate" else "accepted"
        return cls(thread=thread, id=receipt.dispatch_id, status=status, after=after)


class AnswerView(Model):
    """The answer to a message."""

    thread: str
    id: str = Field(description="the id of the answered message")
    turn: str
    status: Literal["completed", "cancelled", "ignored"]
    message: MessageView | None = Field(description="the last of `messages`: the answer")
    messages: list[MessageView]

    @classmethod
    def of(cls, thread: str, id: str, answer: TurnAnswer, caller: Principal) -> AnswerView:
        """Return an answer as the caller may see it."""
        messages = [MessageView.of(message, caller) for message in answer.messages]
        status: Literal["completed", "cancelled", "ignored"] = (
            "ignored" if answer.status == "dropped" or answer.status == "failed" else answer.status
        )
        last = messages[-1] if messages else None
        return cls(thread=thread, id=id, turn=answer.turn, status=status, message=last, messages=messages)


class Messages(Model):
    """Messages of a thread, oldest first."""

    messages: list[MessageView]
    next_cursor: str | None = Field(description="the cursor of the next page; null on the last one")


def moment(ms: int) -> datetime:
    """Convert a stored time, in ms since the epoch."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def _described(attachment: Attachment) -> AttachmentInfo:
    size = len(attachment.data) or len(attachment.text.encode())
    text = None if attachment.data else attachment.text
    return AttachmentInfo(name=attachment.name, content_type=attachment.content_type, size=size, text=text)
