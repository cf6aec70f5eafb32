"""Response models of threads for operators."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import Field

from answerback.diagrams.placed import placed
from answerback.messages import Author, Message, ToolCall
from answerback.replies import Reply
from answerback.steps import Record
from answerback.store.chats.chat import Chat
from answerback.store.fleet.flows import FlowPosition
from answerback.store.threads import views as index

from ..links import web_url
from ..route import Model

PREVIEW = 2000
"""The most characters of a step's result that are shown."""
LARGE = 100_000
"""Results above this size, in bytes, are not decoded: it would block the event loop."""


class ThreadRow(Model):
    """A thread in a list. Times are ms."""

    id: str
    platform: str
    title: str
    user: str
    agent: str
    state: str = Field(description="idle, waiting (for a worker), running, retrying")
    status: str = Field(description='"ended" when it accepts no more messages')
    error: str = Field(description="why the last attempt failed")
    url: str = Field(description="its URL on the platform")
    created: int
    updated: int
    waiting: int = Field(description="waiting events")
    messages: int = Field(description="committed messages")
    dead: int = Field(description="its dead letters")

    @classmethod
    def of(cls, chat: Chat) -> ThreadRow:
        """Return the view of a stored object."""
        same = {name: getattr(chat, name) for name in cls.model_fields if name != "dead"}
        return cls(**same | {"url": web_url(chat.url)}, dead=chat.buried)


class Called(Model):
    """A tool call, with all fields, including those that the store omits at their default."""

    id: str
    name: str
    args: Any
    result: Any
    outcome: str = Field(description="done, failed or unknown")

    @classmethod
    def of(cls, call: ToolCall) -> Called:
        """Return the view of a stored tool call."""
        return cls(id=call.id, name=call.name, args=call.args, result=call.result, outcome=call.outcome)


class TranscriptMessage(Model):
    """A message of the history, or one that waits for an answer."""

    id: str
    role: str
    text: str
    at: int
    turn: str
    author: str
    agent: str
    status: str = Field(description="cancelled, interrupted, dropped or failed (its turn); otherwise empty")
    tools: list[Called] = Field(description="the tool calls of its turn")
    attachments: list[str] = Field(description="their names")
    usage: dict[str, int] | None
    reply: str = Field(description="the key of its reply in the outbox")

    @classmethod
    def of(cls, message: Message) -> TranscriptMessage:
        """Return the view of a message of the history."""
        return cls(
            id=message.id,
            role=message.role,
            text=message.text,
            at=message.at,
            turn=message.turn,
            author=_name(message.author),
            agent=message.agent,
            status="failed" if message.failed else message.status,
            tools=[Called.of(tool) for tool in message.tools],
            attachments=[attachment.name for attachment in message.attachments],
            usage=msgspec.structs.asdict(message.usage) if message.usage else None,
            reply=message.reply,
        )


class WaitingEvent(Model):
    """An event that is not answered yet."""

    id: str
    text: str
    at: int
    author: str
    answering: bool = Field(description="whether the running turn answers it")


class Step(Model):
    """A journaled step of the running turn."""

    name: str
    state: str = Field(description="begun, done, failed (it may run again), or unknown (it left no result)")
    began: int = Field(description="ms by the worker's clock; 0 if unknown")
    took: int = Field(description="ms; 0 while it runs")
    error: str = Field(description="the exception it raised, in one line")
    result: str = Field(description=f"its result as JSON, cut at {PREVIEW} characters")

    @classmethod
    def of(cls, name: str, record: Record) -> Step:
        """Return the view of a journal record."""
        return cls(
            name=name, state=record.state, began=record.began, took=record.took, error=record.error,
            result=preview(record.value),
        )  # fmt: skip


class Sending(Model):
    """A reply in the outbox."""

    key: str
    state: str = Field(description="pending, sending, sent or failed")
    attempts: int
    first: int = Field(description="when its first request was sent, ms; 0 before")
    url: str = Field(description="its URL on the platform")
    error: str

    @classmethod
    def of(cls, reply: Reply) -> Sending:
        """Return the view of a reply."""
        return cls(**{name: getattr(reply, name) for name in cls.model_fields} | {"url": web_url(reply.url)})


class FlowPlace(Model):
    """The current position of a thread in its agent's flow."""

    agent: str
    node: str = Field(description="the node's id")
    name: str = Field(description="the node's name; its id if the flow no longer has it")
    left: int = Field(description="the center of the node in the diagram, px; 0 if it is not drawn")
    top: int

    @classmethod
    def of(cls, standing: FlowPosition) -> FlowPlace:
        """Return the view of a position. Slow for a large flow."""
        left, top = placed(standing.sketch).middle(standing.node) or (0, 0)
        name = standing.sketch.name(standing.node)
        return cls(agent=standing.agent, node=standing.node, name=name, left=round(left), top=round(top))


class Transcript(Model):
    """A thread in full."""

    thread: ThreadRow
    owner: str = Field(description="the worker that holds it")
    loop: int = Field(description="when it was paused because programs seem to answer each other, ms; 0: it is not")
    attempts: int = Field(description="attempts of the running or waiting turn")
    next: int = Field(description="ms until the next attempt, or until the worker's lease expires")
    messages: list[TranscriptMessage]
    waiting: list[WaitingEvent]
    steps: list[Step] = Field(description="the journaled steps of the running turn, in the order in which they began")
    replies: list[Sending]
    flow: FlowPlace | None = Field(description="null if the agent has no flow; `…/flow` is its diagram")

    @classmethod
    def of(cls, chat: Chat, found: index.Transcript, flow: FlowPlace | None) -> Transcript:
        """Return the view of a stored object."""
        return cls(
            thread=ThreadRow.of(chat),
            owner=found.thread.owner,
            loop=found.thread.loop,
            attempts=found.thread.attempts,
            next=found.thread.next,
            messages=[TranscriptMessage.of(message) for message in found.messages],
            waiting=[
                WaitingEvent(
                    id=event.id, text=event.text, at=event.at, author=_name(event.author), answering=n < found.taken
                )
                for n, event in enumerate(found.waiting)
            ],
            steps=[Step.of(name, record) for name, record in zip(found.steps, found.records, strict=True)],
            replies=[Sending.of(reply) for reply in found.replies],
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


def _name(author: Author | None) -> str:
    return (author.name or author.id) if author else ""
