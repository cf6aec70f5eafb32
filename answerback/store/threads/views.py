"""Views of threads: summaries, or a complete transcript."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from answerback.attention import Attention, attention_of
from answerback.events import Event
from answerback.messages import Message
from answerback.replies import Reply
from answerback.steps import Record, steps_of
from answerback.store import clock, decode, keys
from answerback.store.keys import Partition
from answerback.store.redis import Value
from answerback.store.threads.threads import Threads
from answerback.store.threads.turn_ends import merged

State = Literal["idle", "waiting", "running", "retrying"]


class ThreadSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A thread in a list.

    Attributes:
        state: idle (nothing to do), waiting (for a worker), running (claimed by `owner`), retrying.
        next: For "retrying": ms until the next attempt; for "running": ms until the lease ends.
        updated: Time of the last change, ms.
        attention: How attentive agents are in it.
        loop: Since when messages are not answered because a bot loop is assumed, ms; 0: no loop.
    """

    id: str
    platform: str
    channel: str
    title: str
    url: str
    state: State
    updated: int
    created: int
    agent: str = ""
    owner: str = ""
    attempts: int = 0
    next: int = 0
    error: str = ""
    waiting: int = 0
    messages: int = 0
    loop: int = 0
    attention: Attention = "default"


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """A complete thread: messages, waiting events, steps of the running turn, replies.

    Attributes:
        taken: How many of the first `waiting` events the running turn answers; 0 if none is running.
        steps: Names of the turn's journaled steps, in the order in which they began.
        records: The records of those steps.
    """

    thread: ThreadSummary
    messages: list[Message]
    waiting: list[Event]
    steps: list[str]
    replies: list[Reply]
    taken: int = 0
    records: list[Record] = []


async def thread_summary(threads: Threads, id: str) -> ThreadSummary | None:
    """Return a thread's summary; None if it does not exist."""
    fields = await thread_fields(threads, id)
    return fields[0] if fields else None


async def thread_fields(threads: Threads, id: str) -> tuple[ThreadSummary, dict[str, str]] | None:
    """Return a thread's summary and its hash; None if it does not exist."""
    async for p in threads.partitions.places(id):
        (fields,) = await thread_summaries(threads, p, [id])
        if fields is not None:
            return fields
    return None


async def thread_summaries(
    threads: Threads, p: Partition, ids: Sequence[str]
) -> list[tuple[ThreadSummary, dict[str, str]] | None]:
    """Return the summaries of threads of one partition, each with its hash; None for one that does not exist."""
    commands: list[tuple[Value, ...]] = []
    for id in ids:
        commands += [
            ("ZSCORE", keys.threads(p), id),
            ("HGETALL", keys.thread(p, id)),
            ("ZSCORE", keys.queue(p, "ready"), id),
            ("LLEN", keys.inbox(p, id)),
            ("LLEN", keys.history(p, id)),
        ]
    time, clock_fields, *values = await threads.database.together(*clock.look(p), *commands)
    now, _ = clock.read(time, clock_fields)
    return [_summarise(id, now, *values[at : at + 5]) for id, at in zip(ids, range(0, len(values), 5), strict=True)]


def _summarise(
    id: str,
    now: int,
    updated: bytes | None,
    fields: dict[bytes, bytes],
    score: bytes | None,
    waiting: int,
    messages: int,
) -> tuple[ThreadSummary, dict[str, str]] | None:
    if updated is None:
        return None
    meta = {name.decode(): value.decode(errors="replace") for name, value in fields.items() if name != b"state"}
    state: State = "idle"
    if score is not None:
        # A thread that is reserved but not claimed yet looks like one that waits for its next attempt.
        later: State = "running" if meta.get("owner") else "retrying" if int(meta.get("attempts", 0)) else "waiting"
        state = "waiting" if int(score) <= now else later
    summary = ThreadSummary(
        id=id,
        platform=meta.get("platform", ""),
        channel=meta.get("channel", ""),
        title=meta.get("title", ""),
        url=meta.get("url", ""),
        state=state,
        updated=int(updated),
        created=int(meta.get("created", 0)),
        agent=meta.get("agent", ""),
        owner=meta.get("owner", ""),
        attempts=int(meta.get("attempts", 0)),
        next=max(0, int(score) - now) if score is not None else 0,
        error=meta.get("error", ""),
        waiting=waiting,
        messages=messages,
        loop=int(meta.get("loop", 0)),
        attention=attention_of(meta.get("attention", "")),
    )
    return summary, meta


async def transcript(threads: Threads, id: str) -> Transcript | None:
    """Return a complete thread; None if it does not exist."""
    p = await threads.locate(id)
    (looked,) = await thread_summaries(threads, p, [id])
    if looked is None:
        return None
    summary, meta = looked
    history, inbox, journal, replies = await threads.database.together(
        ("LRANGE", keys.history(p, id), 0, -1),
        ("LRANGE", keys.inbox(p, id), 0, -1),
        ("HGETALL", keys.journal(p, id)),
        ("HVALS", keys.outbox(p, id)),
    )
    entries = [decode.entry(raw, id) for raw in inbox]
    # Messages that an interrupted turn left in the history are still waiting: an operator sees both.
    messages, _ = merged([decode.message(raw) for raw in history], entries)
    steps = steps_of({name.decode(): record for name, record in journal.items()})
    return Transcript(
        thread=summary,
        messages=messages,
        waiting=[entry.event for entry in entries],
        steps=list(steps),
        records=list(steps.values()),
        taken=int(meta.get("taken", 0)) if summary.state == "running" else 0,
        replies=sorted((decode.reply(raw, id) for raw in replies), key=lambda reply: (reply.first, reply.key)),
    )
