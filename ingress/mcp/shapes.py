"""Arguments and results of the MCP tools, with the models and limits of the API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, Field, StringConstraints

from answerback.store.chats.answers import TurnAnswer

from ..api.context import Principal
from ..api.route import Model
from ..api.schemas.message_views import DISPATCH_ID, MessageView
from ..api.schemas.messages import Content, System, Title
from ..api.schemas.threads import NewThread

ThreadId = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Name = Annotated[str, StringConstraints(max_length=255)]

REPEAT = "a unique name for this call; repeated with the same name, nothing is done twice"


class CreateThread(NewThread):
    """A thread to create. Its instructions may also be called `system`, as in the API."""

    system: System = Field(
        "",
        validation_alias=AliasChoices("system_prompt", "system"),
        description="additional instructions for the agent",
    )
    idempotency_key: Name = Field("", description=REPEAT)


class GetThread(Model):
    """The thread to read."""

    thread_id: ThreadId
    limit: int = Field(50, ge=1, le=2000, description="the number of messages, counted from the newest")


class SendMessage(Content):
    """The message to send, and its thread."""

    thread_id: ThreadId
    wait: bool = Field(True, description="false: do not wait for the answer; read it later with get_chat_thread")
    idempotency_key: Name = Field("", description=REPEAT)


class RenameThread(Model):
    """The thread to rename."""

    thread_id: ThreadId
    title: Title = Field(description='its new title; "": none')


class PinThread(Model):
    """The thread to pin or to unpin."""

    thread_id: ThreadId
    pinned: bool = Field(True, description="false: unpin it")


class ArchiveThread(Model):
    """The thread to archive or to unarchive."""

    thread_id: ThreadId
    archived: bool = Field(True, description="false: unarchive it")


class DeleteThread(Model):
    """The thread to delete."""

    thread_id: ThreadId


class DeletedThread(Model):
    """A thread that was deleted."""

    thread: str
    deleted: Literal[True] = True


class Answered(Model):
    """The outcome of a message."""

    thread: str
    dispatch_id: str = Field(description=DISPATCH_ID)
    id: str = Field(description="the same: the message's `id` in its thread")
    status: Literal["completed", "cancelled", "ignored", "stored"] = Field(
        description="cancelled: `content` is incomplete; ignored: no agent answers; stored: it is answered later"
    )
    content: str = Field(description="the answer")
    messages: list[MessageView] = Field(description="the messages of the answer; `content` is their text")
    reason: str = Field("", description="why no agent answers, if the status is `ignored`")

    @classmethod
    def of(cls, thread: str, id: str, answer: TurnAnswer | None, caller: Principal) -> Answered:
        """Return the outcome as the caller may see it. `answer` is None while there is none."""
        messages = [MessageView.of(message, caller) for message in answer.messages] if answer else []
        status: Literal["completed", "cancelled", "ignored", "stored"] = (
            "stored"
            if answer is None
            else "ignored"
            if answer.status == "dropped" or answer.status == "failed"
            else answer.status
        )
        content = "\n\n".join(message.content for message in messages)
        reason = answer.reason if answer and status == "ignored" else ""
        return cls(
            thread=thread, dispatch_id=id, id=id, status=status, content=content, messages=messages, reason=reason
        )
