"""Response models of messages: a message, the receipt of one, the answer to one."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec
from pydantic import Field

from answerback.events import Event
from answerback.messages import Attachment, Message, general_reason
from answerback.outgoing import Button, Select
from answerback.store.chats.answers import TurnAnswer
from answerback.store.threads.receipt import Receipt

from ..auth import audience
from ..context import Principal
from ..links import web_url
from ..route import Model
from .moments import Moment, moment


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


class Document(Model):
    """A document, or a piece of one, that the agent looked up."""

    source: str
    text: str
    score: float = Field(description="how well it matches; higher is better")


class Retrieval(Model):
    """What the agent looked up in its knowledge. End users see only those that are public."""

    id: str
    query: str
    documents: list[Document]


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
    file: str | None = Field(description="the id of an uploaded file: GET /files/{id} returns it")
    text: str | None = None


class Option(Model):
    """An option of a menu."""

    label: str
    value: str


class ActionInfo(Model):
    """A button or a menu below an agent's message. The client shows it, and posts an `action` when it is pressed."""

    type: Literal["button", "select"]
    name: str = Field(description="what the agent calls it")
    label: str = Field(description="its words; of a menu, while nothing is chosen")
    value: str = Field(description="of a button")
    style: Literal["", "primary", "danger"]
    url: str | None = Field(description="what a button opens instead")
    options: list[Option] = Field(description="of a menu")

    @classmethod
    def of(cls, action: Button | Select) -> ActionInfo:
        """Return the view of a button or a menu."""
        if isinstance(action, Select):
            options = [Option(label=label, value=value) for label, value in action.options]
            label = action.placeholder
            return cls(type="select", name=action.name, label=label, value="", style="", url=None, options=options)
        return cls(
            type="button",
            name=action.name,
            label=action.label,
            value=action.value,
            style=action.style,
            url=web_url(action.url) or None,
            options=[],
        )


class Failure(Model):
    """Why the turn of a message failed. The dead letter has the details, for an operator."""

    code: str = Field(description="agent_failed, invalid_input, unreachable, limit or timeout")
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
    status: Literal["completed", "waiting", "cancelled", "interrupted", "dropped", "failed"] = Field(
        description="waiting: not answered yet; cancelled: an incomplete answer or, for a user's message, its turn was "
        "cancelled before any answer; interrupted: an incomplete answer; dropped: not answered, because the agent was "
        "working; failed: its turn failed permanently, see `error`"
    )
    error: Failure | None
    input: Any = Field(None, description="the structured input of a user's message; null if it has none")
    output: Any = Field(None, description="the structured output of an agent with an `output` type; else null")
    tool_calls: list[ToolCall]
    retrievals: list[Retrieval]
    attachments: list[AttachmentInfo]
    actions: list[ActionInfo]
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
            status="failed" if message.failed else message.status or "completed",
            error=Failure(code=message.failed, reason=general_reason(message.failed, ""), turn=message.turn)
            if message.failed
            else None,
            input=json.loads(message.input_json) if message.input_json else None,
            output=json.loads(message.output_json) if message.output_json else None,
            tool_calls=[ToolCall(**audience.tool_call(caller, call)) for call in message.tools],
            retrievals=[
                Retrieval(
                    id=retrieval.id,
                    query=retrieval.query,
                    documents=[Document(**msgspec.structs.asdict(each)) for each in retrieval.documents],
                )
                for retrieval in message.retrievals
            ],
            attachments=[_described(attachment) for attachment in message.attachments],
            actions=[ActionInfo.of(action) for action in message.actions],
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
            attachments=event.attachments, visitor=event.visitor, input_json=event.input_json,
        )  # fmt: skip
        return cls.of(message, caller).model_copy(update={"status": "waiting"})


DISPATCH_ID = "the id of the message and of the turn that answers it, as in logs, dead letters and webhook receipts"


class ReceiptView(Model):
    """The receipt of a stored message; it will be answered."""

    thread: str
    dispatch_id: str = Field(description=DISPATCH_ID)
    id: str = Field(description="the same: the message's `id` in its thread")
    status: Literal["accepted", "duplicate"]
    after: str = Field(description="the event id from which to follow the thread's stream to see the answer")
    reason: str = Field("", description="why there was no answer within the wait, if that is known")

    @classmethod
    def of(cls, thread: str, receipt: Receipt, after: str) -> ReceiptView:
        """Return the view of a receipt."""
        status: Literal["accepted", "duplicate"] = "duplicate" if receipt.status == "duplicate" else "accepted"
        id = receipt.dispatch_id
        return cls(thread=thread, dispatch_id=id, id=id, status=status, after=after, reason="")


class AnswerView(Model):
    """The answer to a message."""

    thread: str
    dispatch_id: str = Field(description=DISPATCH_ID)
    id: str = Field(description="the same: the `id` of the answered message in its thread")
    turn: str
    status: Literal["completed", "cancelled", "ignored"]
    message: MessageView | None = Field(description="the last of `messages`: the answer")
    messages: list[MessageView]
    reason: str = Field("", description="why no agent answers, if the status is `ignored`")

    @classmethod
    def of(cls, thread: str, id: str, answer: TurnAnswer, caller: Principal) -> AnswerView:
        """Return an answer as the caller may see it."""
        messages = [MessageView.of(message, caller) for message in answer.messages]
        status: Literal["completed", "cancelled", "ignored"] = (
            "ignored" if answer.status == "dropped" or answer.status == "failed" else answer.status
        )
        last = messages[-1] if messages else None
        return cls(
            thread=thread,
            dispatch_id=id,
            id=id,
            turn=answer.turn,
            status=status,
            message=last,
            messages=messages,
            reason=answer.reason if status == "ignored" else "",
        )


class MessagePage(Model):
    """A page of the messages of a thread, oldest first."""

    messages: list[MessageView]
    next_cursor: str | None = Field(description="the cursor of the next page; null on the last one")


def _described(attachment: Attachment) -> AttachmentInfo:
    if attachment.file:
        return AttachmentInfo(
            name=attachment.name, content_type=attachment.content_type, size=attachment.size, file=attachment.file
        )
    size = len(attachment.data) or len(attachment.text.encode())
    text = None if attachment.data else attachment.text
    return AttachmentInfo(name=attachment.name, content_type=attachment.content_type, size=size, text=text, file=None)
