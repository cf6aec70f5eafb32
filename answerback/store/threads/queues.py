"""Queue statistics: waiting, in flight, retrying, dead."""

from __future__ import annotations

from typing import Protocol

import msgspec

from answerback.store import keys
from answerback.store.clock import Steps, look, read, steps
from answerback.store.keys import Partition
from answerback.store.partitions import Partitions
from answerback.store.redis import Database, Value


class Store(Protocol):
    """What is asked: any client of the threads."""

    @property
    def database(self) -> Database:
        """The Redis of the threads."""

    @property
    def partitions(self) -> Partitions:
        """Where they are."""


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two queues, in threads: `ready` (turns to run) or `due` (replies to send).

    Attributes:
        paused: Those that wait because their agent or platform is paused.
        oldest: Ms for which the thread at its head has been claimable; 0 if none is.
    """

    waiting: int
    in_flight: int
    retrying: int
    oldest: int
    paused: int = 0


class Queues(msgspec.Struct, frozen=True, kw_only=True):
    """Totals over all partitions. The seven fields before `clock_steps` count since the store was created.

    Attributes:
        clock_steps: Observed steps of the Redis clock.
    """

    turns: Queue
    replies: Queue
    events_waiting: int
    dead: int
    threads: int
    accepted: int
    handled: int
    dead_lettered: int
    attempts_failed: int
    replies_sent: int
    replies_failed: int
    loops: int
    clock_steps: Steps


async def queues(store: Store) -> Queues:
    """Return the statistics. Each partition is read atomically, by its lease clock."""
    totals = dict.fromkeys(Queues.__struct_fields__[2:-1], 0)
    turns: list[Queue] = []
    replies: list[Queue] = []
    for p in await store.partitions.all():
        now, _ = read(*await store.database.together(*look(p)))
        *queue_counts, counters, dead, thread_count = await store.database.together(
            *_count(p, "ready", now),
            *_count(p, "due", now),
            ("HGETALL", keys.counters(p)),
            ("ZCARD", keys.dead_letter_times(p)),
            ("ZCARD", keys.threads(p)),
        )
        turns.append(_queue(now, *queue_counts[:5]))
        replies.append(_queue(now, *queue_counts[5:]))
        count = {name.decode(): int(value) for name, value in counters.items()}
        totals["events_waiting"] += count.get("waiting", 0)
        totals["dead"] += dead
        totals["threads"] += thread_count
        totals["accepted"] += count.get("accepted", 0)
        totals["handled"] += count.get("handled", 0)
        totals["dead_lettered"] += count.get("buried", 0)
        totals["attempts_failed"] += count.get("failed", 0)
        totals["replies_sent"] += count.get("sent", 0)
        totals["replies_failed"] += count.get("failed replies", 0)
        totals["loops"] += count.get("loops", 0)
    return Queues(turns=_sum(turns), replies=_sum(replies), clock_steps=await steps(store.database), **totals)


def _count(p: Partition, queue: keys.Queue, now: int) -> list[tuple[Value, ...]]:
    return [
        ("ZCOUNT", keys.queue(p, queue), "-inf", now),
        ("ZCOUNT", keys.queue(p, queue), f"({now}", "+inf"),
        ("ZCOUNT", keys.retrying(p, queue), f"({now}", "+inf"),
        ("ZRANGE", keys.queue(p, queue), 0, 0, "WITHSCORES"),
        ("HLEN", keys.paused(p, queue)),
    ]


def _queue(now: int, waiting: int, later: int, retrying: int, head: list[bytes], paused: int) -> Queue:
    # A member with a future score is claimed (until its lease ends), waits for its next attempt, or is paused.
    oldest = max(0, now - int(head[1])) if waiting and head else 0
    return Queue(
        waiting=waiting, in_flight=max(0, later - retrying - paused), retrying=retrying, oldest=oldest, paused=paused
    )


def _sum(queues: list[Queue]) -> Queue:
    return Queue(
        waiting=sum(queue.waiting for queue in queues),
        in_flight=sum(queue.in_flight for queue in queues),
        retrying=sum(queue.retrying for queue in queues),
        oldest=max(queue.oldest for queue in queues),
        paused=sum(queue.paused for queue in queues),
    )
