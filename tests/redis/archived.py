"""Threads to be archived."""

from __future__ import annotations

from typing import Any

from answerback.replies import DeadLetter
from answerback.store import keys
from answerback.store.threads.archives import Archives
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.redis.given import (
    THREAD,
    accept,
    claim,
    courier,
    dead_letter,
    post,
    step,
)


async def full(threads: Threads, outbox: Outbox) -> None:
    """A thread with something of everything: said, waiting, dead, journaled, sent, failed, unsent."""
    await post(threads, "r1", "r2", "r3")
    (outgoing,) = await courier(threads, outbox)
    following = await outbox.settle(outgoing)
    assert following is not None
    refused = DeadLetter(id="r2", kind="reply", thread=THREAD, reason="it is locked")
    assert await outbox.settle(following, refused) is not None
    await accept(threads, 1, 2, 3)
    held = await claim(threads)
    await threads.database.call("XADD", keys.stream_events(0, THREAD), "*", "k", "text", "d", "{}")
    await dead_letter(threads, held, {"look#1": b"done"})
    held = await claim(threads)
    await threads.step(step(held, "charge#1", record=b"\x80\xff"))
    await threads.database.call("HSET", keys.thread(0, THREAD), "state", b"\x81\xa1a\x01")


async def answered(threads: Threads, archives: Archives, outbox: Outbox) -> Any:
    """An idle thread, and its archive."""
    await post(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    await outbox.settle(outgoing)
    found = await archives.read(THREAD)
    assert found is not None
    return found
