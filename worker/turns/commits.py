"""The commit of a turn, and a claim after its commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from answerback.agents import Agent, Turn
from answerback.agents.outcome import Unanswered, done_event, earlier_messages, ended, replaced, user_messages
from answerback.codec import encode
from answerback.events import Entry, Event
from answerback.messages import Message, TurnEnd
from answerback.replies import Reply
from answerback.store.stream.events import EncodedEvent, encode_event
from answerback.store.threads.records import Claim, Commit

from .shown_replies import concluded


def end_of_turn(claim: Claim, end: TurnEnd) -> list[EncodedEvent]:
    """Return the stream event that ends a turn, if the thread is being streamed."""
    return [encode_event(done_event(end))] if claim.live else []


def commit_answered(
    claim: Claim,
    agent: Agent,
    turn: Turn,
    messages: Sequence[Message],
    end: TurnEnd,
    last: Sequence[Reply] = (),
    *,
    patience: int,
    loop: int | Literal[""] = "",
) -> Commit:
    """Return the commit of a turn, without stream events. `last`: the replies that no step has stored.

    Raises `TypeError` if the state is not plain data.
    """
    earlier, backfill = replaced(turn.earlier) if turn.earlier else (), turn.backfill
    return Commit(
        thread=claim.thread,
        fence=claim.fence,
        owner=claim.owner,
        position=claim.position,
        turn=turn.id,
        handled=len(claim.entries),
        messages=[*backfill.messages, *messages] if backfill.messages else messages,
        # Replies that `turn.reply` has already put into the outbox are not added twice.
        replies=[reply for each in turn.replies if each.parts is not last for reply in each.parts]
        + [*concluded(claim, last)],
        agent=agent.name,
        state=encode(turn.state) if turn.state or claim.state else b"",
        patience=patience,
        loop=loop,
        end=end,
        replaced=[*backfill.replaced, *earlier],
        attention=turn.attention if turn.attention != claim.attention else "",
    )


def commit_unanswered(
    claim: Claim,
    events: Sequence[Event],
    status: Unanswered,
    *,
    keep: bool,
    reason: str,
    at: int,
    patience: int,
    loop: Literal["", "open"] = "",
) -> Commit:
    """Return the commit of events that no agent answers. `keep`: whether they become history."""
    earlier = earlier_messages(claim.history, events)
    marked: Literal["", "dropped"] = "dropped" if status == "dropped" else ""
    messages = user_messages(earlier, events, events[-1].id, marked) if keep else []
    end = ended(events[-1].id, events, status, messages, at=at, reason=reason)
    return Commit(
        thread=claim.thread,
        fence=claim.fence,
        owner=claim.owner,
        position=claim.position,
        turn=events[-1].id,
        handled=1,
        messages=messages,
        agent=claim.agent,
        patience=patience,
        loop=loop,
        replies=concluded(claim, ()),
        stream_events=end_of_turn(claim, end),
        end=end,
        replaced=replaced(earlier),
    )


def advance(claim: Claim, commit: Commit, entries: Sequence[Entry], *, window: int) -> None:
    """Bring a claim up to date after a commit. `entries`: the next events; `window`: messages of the history kept."""
    claim.position += commit.handled
    if commit.replaced:
        claim.history = [message for message in claim.history if message not in commit.replaced]
    claim.history += commit.messages
    del claim.history[:-window]
    claim.entries, claim.attempt, claim.crashes = [*entries], 1, 0
    claim.agent, claim.journal = commit.agent, {}
    claim.shown = claim.cancelled = False
    claim.streamed = None
    claim.state = commit.state or claim.state
    claim.attention = commit.attention or claim.attention


def with_stream_events(commit: Commit, events: Sequence[EncodedEvent]) -> Commit:
    """Return the commit with a turn's last stream events."""
    return msgspec.structs.replace(commit, stream_events=events) if events else commit
