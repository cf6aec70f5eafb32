"""What an operator does to a thread that does not go on by itself: unlock · requeue."""

from __future__ import annotations

from typing import Literal

import msgspec

from answerback.store import keys
from answerback.store.threads.threads import Threads

Requeue = Literal["requeued", "lost", "held", "ready", "empty"]


class Unlocked(msgspec.Struct, frozen=True, kw_only=True):
    """From whom a thread was taken.

    owner    the worker that held its turn, "" if none did; `since`: when it had claimed it, ms
    sending  whether a worker held its outbox; `wait`: ms until another one may send
    """

    thread: str
    owner: str
    since: int
    sending: bool
    wait: int


class Requeued(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a thread's turn and of its outbox.

    "requeued" (it would have been tried later, and is claimable now), "lost" (it was missing from its queue, and is
    back), "held" (a worker has it), "ready" (it was claimable anyway) or "empty" (it has nothing to do).
    """

    thread: str
    turn: Requeue
    replies: Requeue


async def unlock(threads: Threads, id: str) -> Unlocked | None:
    """Take a thread from whoever holds it; what they still write is refused. None when it is not known.

    Its turn is claimable at once, with what was journaled, and without the attempt being counted. Its outbox is
    when the sender's lease ends: a request that is under way must have reached the platform before it is looked for.
    """
    p = threads.partition(id)
    found = await threads.scripts.unlock(
        [
            keys.queue(p, "ready"), keys.wake(p, "ready"), keys.queue(p, "due"),
            keys.thread(p, id), keys.journal(p, id), keys.deltas(p, id), keys.clock(p),
        ],
        [id],
    )  # fmt: skip
    if found is None:
        return None
    owner, since, wait = found
    return Unlocked(
        thread=id, owner=owner.decode(), since=since if owner else 0, sending=wait >= 0, wait=max(0, int(wait))
    )


async def requeue(threads: Threads, id: str) -> Requeued | None:
    """Make a thread's turn and outbox claimable now, if nobody holds them. None when it is not known.

    Attempts stay counted: it is the next try, only sooner.
    """
    p = threads.partition(id)
    found = await threads.scripts.requeue(
        [
            keys.queue(p, "ready"), keys.wake(p, "ready"), keys.retrying(p, "ready"), keys.inbox(p, id),
            keys.queue(p, "due"), keys.wake(p, "due"), keys.retrying(p, "due"), keys.unsent(p, id),
            keys.thread(p, id), keys.clock(p),
        ],
        [id],
    )  # fmt: skip
    if found is None:
        return None
    turn, replies = (word.decode() for word in found)
    return Requeued(thread=id, turn=turn, replies=replies)
