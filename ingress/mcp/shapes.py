"""What the tools take and give, in the shapes and within the limits of the API's routes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from answerback.store.chats.answers import TurnAnswer
from answerback.store.chats.chat import ChatSnapshot

from ..api.context import Principal
from ..api.route import Model
from ..api.schemas.messages import Content
from ..api.schemas.thread_requests import NewThread
from ..api.schemas.threads import MessageView, ThreadView

ThreadId = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Name = Annotated[str, StringConstraints(max_length=255)]

REPEAT = "a name of your own for this call: made again with the same one, nothing is done twice"


class CreateThread(NewThread):
    """A thread to open."""

    idempotency_key: Name = Field("", description=REPEAT)


class GetThread(Model):
    """Which thread to read."""

    thread_id: ThreadId
    limit: int = Field(50, ge=1, le=2000, description="how many messages, the newest ones")


class SendMessage(Content):
    """What to say, and where."""

    thread_id: ThreadId
    wait: bool = Field(True, description="false: do not wait for the answer, get_chat_thread shows it later")
    idempotency_key: Name = Field("", description=REPEAT)


class ArchiveThread(Model):
    """Which thread to put away, or to take back."""

    thread_id: ThreadId
    archived: bool = Field(True, description="false: take it back")


class ReadThread(ThreadView):
    """A thread with what was said in it."""

    messages: list[MessageView] = Field(description="oldest first")
    earlier: int = Field(description="how many came before")
    waiting: list[MessageView] = Field(description="what is not answered yet; the first may be under way")

    @classmethod
    def read(cls, whole: ChatSnapshot, caller: Principal, limit: int) -> ReadThread:
        """A chat with its newest messages."""
        shown = whole.messages[-limit:]
        return cls(
            **cls.fields_of(whole.chat, caller),
            messages=[MessageView.of(message, caller) for message in shown],
            earlier=whole.earlier + len(whole.messages) - len(shown),
            waiting=[MessageView.waiting(event, caller) for event in whole.waiting],
        )


class Answered(Model):
    """What became of a message."""

    thread: str
    id: str = Field(description="the message's id in the thread")
    status: Literal["completed", "cancelled", "ignored", "stored"] = Field(
        description="cancelled: `content` is as far as it came; ignored: no agent answers; stored: it is answered later"
    )
    content: str = Field(description="the answer")
    messages: list[MessageView] = Field(description="the answer's messages, of which `content` is the text")

    @classmethod
    def of(cls, thread: str, id: str, answer: TurnAnswer | None, caller: Principal) -> Answered:
        """An answer of the store, as a caller sees it; None: it is not answered yet."""
        said = [MessageView.of(message, caller) for message in answer.messages] if answer else []
        status: Literal["completed", "cancelled", "ignored", "stored"] = (
            "stored"
            if answer is None
            else "ignored"
            if answer.status == "dropped" or answer.status == "failed"
            else answer.status
        )
        content = "\n\n".join(message.content for message in said)
        return cls(thread=thread, id=id, status=status, content=content, messages=said)
