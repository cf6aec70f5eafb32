"""Operator actions on a thread: unlock · requeue · set attention."""

from __future__ import annotations

import time
from typing import Literal

import msgspec

from answerback.attention import Attention, attention_of
from answerback.store import keys
from answerback.store.threads.threads import Threads

Requeue = Literal["requeued", "lost", "held", "ready", "empty"]


class Unlocked(msgspec.Struct, frozen=True, kw_only=True):
    """The former holder of an unlocked thread.

    Attributes:
        owner: The worker that held its turn, "" if none.
        since: When it claimed the thread, ms.
        sending: Whether a worker held its outbox.
        wait: Milliseconds until another worker may send.
    """

    thread: str
    owner: str
    since: int
    sending: bool
    wait: int


class Requeued(msgspec.Struct, frozen=True, kw_only=True):
    """The result for a thread's turn and its outbox.

    "requeued" (it was waiting for a later attempt and is claimable now), "lost" (it was missing from its queue and has
    been added), "held" (a worker holds it), "ready" (it was claimable already) or "empty" (nothing to do).
    """

    thread: str
    turn: Requeue
    replies: Requeue


class AttentionSet(msgspec.Struct, frozen=True, kw_only=True):
    """The attention of a thread, and the one before."""

    thread: str
    attention: Attention
    before: Attention


async def unlock(threads: Threads, id: str) -> Unlocked | None:
    """Revoke the claim on a thread; later writes of its holder are rejected. Return None if it does not exist.

    Its turn is claimable at once, with its journal, and the attempt is not counted. Its outbox is claimable when the
    sender's lease ends: a request in flight must have reached the platform before the reply is looked for.
    """
    async for p in threads.partitions.places(id):
        holder = await threads.scripts.unlock(
            [
                keys.queue(p, "ready"), keys.wake(p, "ready"), keys.queue(p, "due"),
                keys.thread(p, id), keys.journal(p, id), keys.stream_events(p, id), keys.clock(p),
            ],
            id=id,
        )  # fmt: skip
        if holder is not None:
            break
    else:
        return None
    owner, since, wait = holder
    return Unlocked(
        thread=id, owner=owner.decode(), since=since if owner else 0, sending=wait >= 0, wait=max(0, int(wait))
    )


async def requeue(threads: Threads, id: str) -> Requeued | None:
    """Make a thread's turn and outbox claimable now unless they are held. Return None if it does not exist.

    The number of attempts is kept: the next attempt is only made sooner.
    """
    async for p in threads.partitions.places(id):
        results = await threads.scripts.requeue(
            [
                keys.queue(p, "ready"), keys.wake(p, "ready"), keys.retrying(p, "ready"), keys.inbox(p, id),
                keys.queue(p, "due"), keys.wake(p, "due"), keys.retrying(p, "due"), keys.unsent(p, id),
                keys.thread(p, id), keys.clock(p),
            ],
            id=id,
        )  # fmt: skip
        if results is not None:
            break
    else:
        return None
    turn, replies = (word.decode() for word in results)
    return Requeued(thread=id, turn=turn, replies=replies)


async def set_attention(
    threads: Threads, id: str, attention: Attention, *, seconds: float | None = None
) -> AttentionSet | None:
    """Set the attention of a thread, as of its next claim. Return None if it does not exist.

    `seconds`: how long it is muted; None: until that is changed.
    """
    stored = attention if seconds is None else f"{attention} {int((time.time() + seconds) * 1000)}"
    async for p in threads.partitions.places(id):
        before = await threads.scripts.set_attention([keys.thread(p, id)], attention=stored)
        if before is not None:
            return AttentionSet(thread=id, attention=attention, before=attention_of(before.decode()))
    return None
