"""The outcome of a turn: its messages for the history, its end, and the commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from answerback.agents import Agent, Turn
from answerback.codec import encode
from answerback.events import Entry, Event
from answerback.messages import Message, TurnEnd, Usage
from answerback.platforms import Client
from answerback.replies import Reply
from answerback.store.stream.events import DoneEvent, EncodedEvent, encode_event
from answerback.store.threads.records import Claim, Commit
from answerback.store.threads.turn_ends import general

Unanswered = Literal["dropped", "ignored"]
Status = Literal["completed", "cancelled", "interrupted"] | Unanswered


def turn_messages(
    claim: Claim, agent: Agent, turn: Turn, now: int, *, partial: str = "", status: Status
) -> list[Message]:
    """Return the messages of a turn, by user and agent. `partial`: an unfinished message of a stopped turn."""
    messages = user_messages(claim, turn.events, turn.id)
    stopped: Literal["", "cancelled", "interrupted"] = status if status in ("cancelled", "interrupted") else ""
    texts = [(text, replies[0].key if replies else "", False) for text, replies in turn.replies]
    if partial.strip():
        texts.append((partial, "", True))
    first = len(messages)
    usage, tools = turn.usage, tuple(turn.tools)
    for number, (text, reply, unfinished) in enumerate(texts):
        if text.strip():
            messages.append(
                Message(
                    id=f"{turn.id}.{number}",
                    role="assistant",
                    text=text,
                    at=now,
                    turn=turn.id,
                    reply=reply,
                    agent=agent.name,
                    status=stopped if unfinished else "",
                )
            )
    if (tools or usage) and len(messages) > first:
        messages[-1] = msgspec.structs.replace(messages[-1], tools=tools, usage=usage)
    if status == "cancelled" and len(messages) == first:
        # No answer yet: mark the user's messages as cancelled.
        messages = [msgspec.structs.replace(message, status="cancelled") for message in messages]
    if turn.model and messages:
        messages[-1] = msgspec.structs.replace(messages[-1], model=turn.model)
    return messages


def user_messages(
    claim: Claim, events: Sequence[Event], turn: str, status: Literal["", "dropped"] = ""
) -> list[Message]:
    """Return the users' messages, without those that an interrupted turn already left in the history."""
    in_history = already_in_history(claim, events)
    return [
        Message(
            id=event.id,
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
        for event in events
        if event.id not in in_history
    ]


def already_in_history(claim: Claim, events: Sequence[Event]) -> set[str]:
    """Return the ids of events whose messages are in the history: an interrupted turn leaves them for the next."""
    ids = {event.id for event in events}
    return {
        message.id for message in claim.history if message.id in ids and message.role == "user" and not message.failed
    }


def failed(events: Sequence[Event], code: str) -> list[Message]:
    """Return the users' messages of a turn that failed permanently: they stay in the thread."""
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
    """Return history messages that the turn's messages replace: they failed earlier and are answered now.

    Args:
        whole: Include those that an interrupted turn left.
    """
    candidates = [message for message in claim.history if (message.failed or whole) and message.role == "user"]
    if not candidates:
        return []
    ids = {event.id for event in events}
    return [message for message in candidates if message.id in ids]


def ended(
    turn: str,
    events: Sequence[Event],
    status: Status | Literal["failed"],
    messages: Sequence[Message] = (),
    *,
    at: int,
    usage: Usage | None = None,
    code: str = "",
    reason: str = "",
) -> TurnEnd:
    """Return the record of how a turn ended. Only the part of `reason` that anyone may read is kept."""
    return TurnEnd(
        turn=turn,
        events=tuple(event.id for event in events),
        status=status,
        messages=tuple(message.id for message in messages if message.role == "assistant"),
        usage=usage,
        code=code,
        reason=general(code, reason) if code else "",
        at=at,
    )


def end_of_turn(claim: Claim, end: TurnEnd) -> list[EncodedEvent]:
    """Return the stream event that ends a turn, if the thread is being streamed."""
    if not claim.live:
        return []
    return [
        encode_event(
            DoneEvent(
                turn=end.turn,
                events=end.events,
                status=end.status,
                message=end.messages[-1] if end.messages else "",
                messages=end.messages,
                usage=end.usage,
            )
        )
    ]


def commit_answered(
    claim: Claim, agent: Agent, turn: Turn, messages: Sequence[Message], end: TurnEnd, *, more: bool
) -> Commit:
    """Return the commit of a turn, without stream events. Raises `TypeError` if the state is not plain data."""
    return Commit(
        thread=claim.thread,
        fence=claim.fence,
        owner=claim.owner,
        position=claim.position,
        turn=turn.id,
        handled=len(claim.entries),
        messages=messages,
        # Replies that `turn.reply` has already put into the outbox are not added twice.
        replies=[reply for _, parts in turn.replies for reply in parts],
        agent=agent.name,
        state=encode(turn.state) if turn.state or claim.state else b"",
        more=more,
        end=end,
        replaced=replaced(claim, turn.events),
    )


def commit_unanswered(
    claim: Claim, events: Sequence[Event], messages: Sequence[Message], status: Unanswered, *, at: int, more: bool
) -> Commit:
    """Return the commit of an event that no agent answers."""
    end = ended(events[-1].id, events, status, messages, at=at)
    return Commit(
        thread=claim.thread,
        fence=claim.fence,
        owner=claim.owner,
        position=claim.position,
        turn=events[-1].id,
        handled=1,
        messages=messages,
        agent=claim.agent,
        more=more,
        stream_events=end_of_turn(claim, end),
        end=end,
        replaced=replaced(claim, events),
    )


def advance(claim: Claim, commit: Commit, entries: list[Entry], *, window: int) -> None:
    """Bring a claim up to date after a commit. `entries`: the next events; `window`: messages of the history kept."""
    claim.position += commit.handled
    kept = [message for message in claim.history if message not in commit.replaced]
    claim.history = [*kept, *commit.messages][-window:]
    claim.entries, claim.attempt, claim.crashes = entries, 1, 0
    claim.agent, claim.journal = commit.agent, {}
    claim.shown = claim.cancelled = False
    claim.state = commit.state or claim.state


def composer(client: Client | None, event: Event) -> Callable[[str, int, str], Sequence[Reply]]:
    """Return a function that builds replies. It closes over the thread and address: a reply can go nowhere else."""

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
