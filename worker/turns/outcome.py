"""What a turn leaves behind: the messages of its thread's history, and the commit that carries them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from answerback.agents import Agent, Turn
from answerback.messages import Event, Message, Reply, TurnEnd, Usage
from answerback.platforms import Client
from answerback.store import Claim, Commit
from answerback.store.stream.events import stream_event
from answerback.store.threads.records import StreamEvent
from answerback.store.threads.turn_ends import general

_encode = msgspec.msgpack.Encoder().encode

Status = Literal["completed", "cancelled", "interrupted", "dropped", "ignored"]


def messages(claim: Claim, agent: Agent, turn: Turn, now: int, *, partial: str = "", status: Status) -> list[Message]:
    """What was said in a turn, by both sides. `partial` is what it had said of a message when it was ended."""
    found = user_messages(claim, turn.events, turn.id)
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
    if status == "cancelled" and len(found) == first:
        # Nothing was said: what it was cancelled for shows it.
        found = [msgspec.structs.replace(message, status="cancelled") for message in found]
    if turn.model and found:
        found[-1] = msgspec.structs.replace(found[-1], model=turn.model)
    return found


def user_messages(
    claim: Claim, events: Sequence[Event], turn: str, status: Literal["", "dropped"] = ""
) -> list[Message]:
    """What was said to us, unless an interrupted turn has left it in the history already."""
    known = already_in_history(claim)
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
                    order=event.order,
                    visitor=event.visitor,
                    status=status,
                )
            )
    return found


def already_in_history(claim: Claim) -> set[str]:
    """Ids of what was said to us and stands in the history: an interrupted turn leaves it there for the next."""
    return {message.id for message in claim.history if message.role == "user" and message.id and not message.failed}


def failed(events: Sequence[Event], code: str) -> list[Message]:
    """What was said to us in a turn that failed for good: it stays in the thread, whatever an operator does."""
    return [
        Message(
            id=event.id,
            role="user",
            text=event.text,
            at=event.at,
            turn=events[-1].id,
            author=event.author,
            message=event.message,
            attachments=event.attachments,
            failed=code,
        )
        for event in events
    ]


def replaced(claim: Claim, events: Sequence[Event], *, whole: bool = False) -> list[Message]:
    """Messages of the history whose place is taken by what a turn leaves: they failed, and are answered after all.

    `whole`: those that an interrupted turn left, too.
    """
    if not any(message.failed or whole for message in claim.history):
        return []
    ids = {event.id for event in events}
    return [
        message
        for message in claim.history
        if message.role == "user" and message.id in ids and (message.failed or whole)
    ]


def ended(
    turn: str,
    events: Sequence[Event],
    status: Status | Literal["failed"],
    said: Sequence[Message] = (),
    *,
    at: int,
    usage: Usage | None = None,
    code: str = "",
    reason: str = "",
) -> TurnEnd:
    """How a turn ended, to be written down. `reason` is the whole one: what anybody may read of it is kept here."""
    return TurnEnd(
        turn=turn,
        events=tuple(event.id for event in events),
        status=status,
        messages=tuple(message.id for message in said if message.role == "assistant"),
        usage=usage,
        code=code,
        reason=general(code, reason) if code else "",
        at=at,
    )


def end_of_turn(claim: Claim, end: TurnEnd) -> list[StreamEvent]:
    """The delta that ends a turn, where somebody may follow."""
    if not claim.live:
        return []
    return [
        stream_event(
            "done",
            end.turn,
            events=end.events,
            status=end.status,
            message=end.messages[-1] if end.messages else "",
            messages=end.messages,
            usage=end.usage,
        )
    ]


def commit(claim: Claim, agent: Agent, turn: Turn, said: Sequence[Message], end: TurnEnd, *, more: bool) -> Commit:
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
        end=end,
        replaced=replaced(claim, turn.events),
    )


def commit_unanswered(
    claim: Claim, events: Sequence[Event], said: Sequence[Message], status: Status, *, at: int, more: bool
) -> Commit:
    """The commit of an event that no agent answers."""
    end = ended(events[-1].id, events, status, said, at=at)
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
        deltas=end_of_turn(claim, end),
        end=end,
        replaced=replaced(claim, events),
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
