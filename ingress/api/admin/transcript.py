"""A thread as an operator sees it."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import Field

from answerback.diagrams.placed import placed
from answerback.messages import Author, Message, Reply, ToolCall
from answerback.steps import Record
from answerback.store import Chat
from answerback.store.fleet.flows import FlowPosition
from answerback.store.threads import views as index

from ..links import web_url
from ..route import Model

PREVIEW = 2000
"""Characters of a step's result that are shown."""
LARGE = 100_000
"""Bytes of a result that is not looked into: others wait meanwhile."""


class ThreadRow(Model):
    """A thread in a list. Times are ms."""

    id: str
    platform: str
    title: str
    user: str
    agent: str
    state: str = Field(description="idle, waiting (for a worker), running, retrying")
    status: str = Field(description='"ended" when it takes no more messages')
    error: str = Field(description="why its last try failed")
    url: str = Field(description="where it is on its platform")
    created: int
    updated: int
    waiting: int = Field(description="events that wait")
    messages: int = Field(description="messages that were committed")
    dead: int = Field(description="its dead letters")

    @classmethod
    def of(cls, chat: Chat) -> ThreadRow:
        """One from the store."""
        same = {name: getattr(chat, name) for name in cls.model_fields if name != "dead"}
        return cls(**same | {"url": web_url(chat.url)}, dead=chat.buried)


class Called(Model):
    """A tool that was called. Every field is there, also where the store leaves a default out."""

    id: str
    name: str
    args: Any
    result: Any
    outcome: str = Field(description="done, failed or unknown")

    @classmethod
    def of(cls, call: ToolCall) -> Called:
        """One from the history."""
        return cls(id=call.id, name=call.name, args=call.args, result=call.result, outcome=call.outcome)


class TranscriptMessage(Model):
    """Something that was said, or waits to be answered."""

    id: str
    role: str
    text: str
    at: int
    turn: str
    author: str
    agent: str
    status: str = Field(description="cancelled, interrupted, dropped or failed (its turn); empty for the rest")
    tools: list[Called] = Field(description="the tools that were called for it")
    attachments: list[str] = Field(description="their names")
    usage: dict[str, int] | None
    reply: str = Field(description="the key of its reply in the outbox")

    @classmethod
    def of(cls, message: Message) -> TranscriptMessage:
        """A message of the history."""
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
    """Something that the running turn has journaled."""

    name: str
    state: str = Field(description="begun, done, failed (it may run again), or unknown (nobody knows how it ended)")
    began: int = Field(description="ms by the worker's clock; 0 where it is not known")
    took: int = Field(description="ms; 0 while it runs")
    error: str = Field(description="what it raised, in a line")
    result: str = Field(description=f"its result as JSON, as far as {PREVIEW} characters")

    @classmethod
    def of(cls, name: str, record: Record) -> Step:
        """One of the journal."""
        return cls(
            name=name, state=record.state, began=record.began, took=record.took, error=record.error,
            result=preview(record.value),
        )  # fmt: skip


class Sending(Model):
    """A reply on its way, or arrived."""

    key: str
    state: str = Field(description="pending, sending, sent or failed")
    attempts: int
    first: int = Field(description="when its first request left, ms; 0 before")
    url: str = Field(description="where it is on the platform")
    error: str

    @classmethod
    def of(cls, reply: Reply) -> Sending:
        """One from the outbox."""
        return cls(**{name: getattr(reply, name) for name in cls.model_fields} | {"url": web_url(reply.url)})


class FlowPlace(Model):
    """Where a thread stands in the flow that its agent follows."""

    agent: str
    node: str = Field(description="the node's id")
    name: str = Field(description="what it is called; the id where the flow has it no more")
    left: int = Field(description="where its middle is in the drawing of the flow, px; 0 where it is not drawn")
    top: int

    @classmethod
    def of(cls, standing: FlowPosition) -> FlowPlace:
        """One from the store. A large flow takes some time."""
        left, top = placed(standing.sketch).middle(standing.node) or (0, 0)
        name = standing.sketch.name(standing.node)
        return cls(agent=standing.agent, node=standing.node, name=name, left=round(left), top=round(top))


class Transcript(Model):
    """A thread whole."""

    thread: ThreadRow
    owner: str = Field(description="the worker that has it")
    loop: int = Field(description="since when nobody is answered because programs seem to answer each other; 0: never")
    attempts: int = Field(description="of the turn that runs or waits")
    next: int = Field(description="ms until the next try, or until the worker's lease ends")
    messages: list[TranscriptMessage]
    waiting: list[WaitingEvent]
    steps: list[Step] = Field(description="what the running turn has journaled, in the order in which it began")
    replies: list[Sending]
    flow: FlowPlace | None = Field(description="null where the agent follows no flow; `…/flow` is the drawing")

    @classmethod
    def of(cls, chat: Chat, found: index.Transcript, flow: FlowPlace | None) -> Transcript:
        """One from the store."""
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
    """A step's result, MessagePack, as readable JSON; "" where there is none."""
    if not value:
        return ""
    if len(value) > LARGE:
        return f"{len(value)} bytes"
    try:
        found = msgspec.msgpack.decode(value)
        # A model's answers are recorded as JSON in bytes.
        found = msgspec.json.decode(found) if isinstance(found, bytes) else found
        text = msgspec.json.format(msgspec.json.encode(found)).decode()
    except (msgspec.MsgspecError, TypeError, ValueError):
        return f"{len(value)} bytes"
    return text if len(text) <= PREVIEW else f"{text[:PREVIEW]}…"


def _name(author: Author | None) -> str:
    return (author.name or author.id) if author else ""
