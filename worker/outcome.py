"""What a turn leaves behind: the messages of its thread's history, and the commit that carries them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from answerback.agents import Agent, Turn
from answerback.messages import Event, Message, Reply
from answerback.platforms import Client
from answerback.store import Claim, Commit
from answerback.store.claim import Told
from answerback.store.deltas import told

_encode = msgspec.msgpack.Encoder().encode

Status = Literal["completed", "cancelled", "interrupted", "dropped", "ignored"]


def messages(claim: Claim, agent: Agent, turn: Turn, now: int, *, partial: str = "", status: Status) -> list[Message]:
    """What was said in a turn, by both sides. `partial` is what it had said of a message when it was ended."""
    found = heard(claim, turn.events, turn.id)
    ended: Literal["", "cancelled", "interrupted"] = status if status in ("cancelled", "interrupted") else ""
    said = [(text, replies[0].key if replies else "", False) for text, replies in turn.replies]
    if partial.strip():
        said.append((partial, "", True))
    first = len(found)
    usage, tools = turn.usage, tuple(turn.tools)
    for number, (text, reply, cut) in enumerate(said):
        if text.strip():
            found.append(
                Message(
                    id=f"{turn.id}.{number}",
                    role="assistant",
                    text=text,
                    at=now,
                    turn=turn.id,
                    reply=reply,
                    agent=agent.name,
                    status=ended if cut else "",
                )
            )
    if (tools or usage) and len(found) > first:
        found[-1] = msgspec.structs.replace(found[-1], tools=tools, usage=usage)
    if turn.model and found:
        found[-1] = msgspec.structs.replace(found[-1], model=turn.model)
    return found


def heard(claim: Claim, events: Sequence[Event], turn: str, status: Literal["", "dropped"] = "") -> list[Message]:
    """What was said to us, unless an interrupted turn has left it in the history already."""
    known = left(claim)
    found = []
    for event in events:
        # A turn has the id of its last event, and to make an id of a delivery takes longer than all this.
        id = turn if event is events[-1] else event.id
        if id not in known:
            found.append(
                Message(
                    id=id,
                    role="user",
                    text=event.text,
                    at=event.at,
                    turn=turn,
                    author=event.author,
                    message=event.message,
                    attachments=event.attachments,
                    visitor=event.visitor,
                    status=status,
                )
            )
    return found


def left(claim: Claim) -> set[str]:
    """Ids of what an interrupted turn left in the history, to be answered by the next."""
    found: set[str] = set()
    for message in reversed(claim.history):
        if message.role == "assistant" and message.status != "interrupted":
            break
        found.add(message.id)
    return found


def done(claim: Claim, turn: str, events: Sequence[Event], status: Status, said: Sequence[Message]) -> list[Told]:
    """The delta that ends a turn, where somebody may follow."""
    if not claim.live:
        return []
    ours = [message for message in said if message.role == "assistant"]
    return [
        told(
            "done",
            turn,
            events=[event.id for event in events],
            status=status,
            message=ours[-1].id if ours else "",
            messages=[message.id for message in ours],
            usage=ours[-1].usage if ours else None,
        )
    ]


def commit(claim: Claim, agent: Agent, turn: Turn, said: Sequence[Message], *, more: bool) -> Commit:
    """All that a turn changes, but for its deltas. Raises `TypeError` for a state that is not plain data."""
    return Commit(
        thread=claim.thread,
        fence=claim.fence,
        owner=claim.owner,
        position=claim.position,
        turn=turn.id,
        handled=len(claim.entries),
        messages=said,
        # What an earlier `turn.reply` put into the outbox is there already, and is not put there twice.
        replies=[reply for _, parts in turn.replies for reply in parts],
        agent=agent.name,
        state=_encode(turn.state) if turn.state or claim.state else b"",
        more=more,
    )


def unanswered(claim: Claim, events: Sequence[Event], said: Sequence[Message], status: Status, *, more: bool) -> Commit:
    """The commit of an event that no agent answers."""
    return Commit(
        thread=claim.thread,
        fence=claim.fence,
        owner=claim.owner,
        position=claim.position,
        turn=events[-1].id,
        handled=1,
        messages=said,
        agent=claim.agent,
        more=more,
        deltas=done(claim, events[-1].id, events, status, said),
    )


def composer(client: Client | None, event: Event) -> Callable[[str, int, str], Sequence[Reply]]:
    """Closes over the thread and its address: whatever the text says, it goes nowhere else."""

    def compose(turn: str, ordinal: int, text: str) -> Sequence[Reply]:
        if client is None or not text.strip():
            return ()
        parts = client.split(text)
        keys = [f"{turn}.{ordinal}.{part}" for part in range(len(parts))] if len(parts) > 1 else [f"{turn}.{ordinal}"]
        return [
            Reply(key=key, thread=event.thread, text=part, address=event.address, at=event.at)
            for key, part in zip(keys, parts, strict=True)
        ]

    return compose
