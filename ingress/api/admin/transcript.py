"""Response models of a thread's transcript for operators."""

from __future__ import annotations

from typing import Literal

import msgspec
from pydantic import Field

from answerback.diagrams.placed import placed
from answerback.flow_position import FlowPosition
from answerback.replies import Reply
from answerback.steps import Record
from answerback.store.chats.chat import Chat
from answerback.store.threads import views

from ..context import Principal
from ..links import web_url
from ..route import Model
from ..schemas.message_views import MessageView
from ..schemas.moments import Moment, optional_moment
from ..schemas.threads import ThreadSummary

PREVIEW = 2000
"""The most characters of a step's result that are shown."""
LARGE = 100_000
"""Results above this size, in bytes, are not decoded: it would block the event loop."""


class StepView(Model):
    """A journaled step of the running turn."""

    name: str
    state: Literal["begun", "done", "failed", "unknown"] = Field(
        description="failed: it may run again; unknown: it left no result"
    )
    started_at: Moment | None = Field(description="by the worker's clock; null if unknown")
    duration: int = Field(description="ms; 0 while it runs")
    error: str = Field(description="the exception it raised, in one line")
    result: str = Field(description=f"its result as JSON, cut at {PREVIEW} characters")

    @classmethod
    def of(cls, name: str, record: Record) -> StepView:
        """Return the view of a journal record."""
        return cls(
            name=name,
            state=record.state,
            started_at=optional_moment(record.began),
            duration=record.took,
            error=record.error,
            result=preview(record.value),
        )


class ReplyView(Model):
    """A reply in the outbox."""

    key: str
    kind: Literal["message", "edit", "delete", "reaction", "review", "check", "form"]
    what: str = Field(description="what it is, in words")
    message: str | None = Field(description="the id of its message; null until that is in the history")
    state: Literal["pending", "streaming", "sending", "sent", "failed"]
    attempts: int
    first_sent_at: Moment | None = Field(description="when its first request was sent")
    url: str | None = Field(description="its URL on the platform")
    error: str

    @classmethod
    def of(cls, reply: Reply, message: str | None) -> ReplyView:
        """Return the view of a reply."""
        return cls(
            key=reply.key,
            kind=reply.kind,
            what=reply.what,
            message=message,
            state=reply.state,
            attempts=reply.attempts,
            first_sent_at=optional_moment(reply.first),
            url=web_url(reply.url) or None,
            error=reply.error,
        )


class FlowPlace(Model):
    """The current position of a thread in its agent's flow."""

    agent: str
    node: str = Field(description="the node's id")
    name: str = Field(description="the node's name; its id if the flow no longer has it")
    left: int = Field(description="the center of the node in the diagram, px; 0 if it is not drawn")
    top: int

    @classmethod
    def of(cls, position: FlowPosition) -> FlowPlace:
        """Return the view of a position. Slow for a large flow."""
        left, top = placed(position.sketch).middle(position.node) or (0, 0)
        name = position.sketch.name(position.node)
        return cls(agent=position.agent, node=position.node, name=name, left=round(left), top=round(top))


class Transcript(Model):
    """A thread as an operator sees it: with its lock, the steps of its turn and its outbox."""

    thread: ThreadSummary
    owner: str = Field(description="the worker that holds it")
    paused_since: Moment | None = Field(
        description="since when nothing is answered because programs seem to answer each other"
    )
    attempts: int = Field(description="attempts of the running or waiting turn")
    next: int = Field(description="ms until the next attempt, or until the worker's lease expires")
    messages: list[MessageView]
    waiting: list[MessageView]
    answering: int = Field(description="how many of the first `waiting` messages the running turn answers")
    steps: list[StepView] = Field(
        description="the journaled steps of the running turn, in the order in which they began"
    )
    replies: list[ReplyView]
    flow: FlowPlace | None = Field(description="null if the agent has no flow; `…/flow` is its diagram")

    @classmethod
    def of(cls, chat: Chat, transcript: views.Transcript, flow: FlowPlace | None, caller: Principal) -> Transcript:
        """Return the view of a stored thread."""
        messages = [MessageView.of(message, caller) for message in transcript.messages]
        ids = {
            stored.reply: message.id
            for stored, message in zip(transcript.messages, messages, strict=True)
            if stored.reply
        }
        return cls(
            thread=ThreadSummary.of(chat, caller),
            owner=transcript.thread.owner,
            paused_since=optional_moment(transcript.thread.loop),
            attempts=transcript.thread.attempts,
            next=transcript.thread.next,
            messages=messages,
            waiting=[MessageView.waiting(event, caller) for event in transcript.waiting],
            answering=transcript.taken,
            steps=[
                StepView.of(name, record) for name, record in zip(transcript.steps, transcript.records, strict=True)
            ],
            replies=[ReplyView.of(reply, ids.get(reply.key)) for reply in transcript.replies],
            flow=flow,
        )


def preview(value: bytes) -> str:
    """Format a step's result, which is MessagePack, as indented JSON; "" if there is none."""
    if not value:
        return ""
    if len(value) > LARGE:
        return f"{len(value)} bytes"
    try:
        result = msgspec.msgpack.decode(value)
        # Model responses are recorded as JSON in bytes.
        result = msgspec.json.decode(result) if isinstance(result, bytes) else result
        text = msgspec.json.format(msgspec.json.encode(result)).decode()
    except (msgspec.MsgspecError, TypeError, ValueError):
        return f"{len(value)} bytes"
    return text if len(text) <= PREVIEW else f"{text[:PREVIEW]}…"
