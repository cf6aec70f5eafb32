"""A Redis that lost its last writes gives a fence out again: of two who hold it, only the newest owner writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from answerback.errors import LeaseLost
from answerback.events import Entry
from answerback.replies import DeadLetter, ShownMessage, StreamedReply
from answerback.store.keys import Partition
from answerback.store.redis import Database
from answerback.store.threads.leases import Reservation
from answerback.store.threads.outbox import Outbox, Outgoing
from answerback.store.threads.records import Claim, Lease, StreamAppend
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, Work, accept, claim, courier, dump, inbox, leases_of, letter, post, step, turn
from worker.claiming.claims import Claimer


async def lose(database: Database, before: dict[bytes, bytes]) -> None:
    """Redis goes back to what it was."""
    await database.together(("FLUSHDB",), *(("RESTORE", key, 0, value) for key, value in before.items()))


Write = Callable[[Threads, Claim], Awaitable[object]]

TURN: dict[str, Write] = {
    "step": lambda threads, held: threads.step(step(held, "look")),
    "emit": lambda threads, held: threads.emit(
        StreamAppend(held.thread, held.fence, held.owner, held.position, [("turn", b"{}")])
    ),
    "show": lambda threads, held: threads.show(held, StreamedReply("t.0", messages=(ShownMessage(key="t.0"),))),
    "take more events": lambda threads, held: threads.take_more_events(held, 10, interruptible=True),
    "commit": lambda threads, held: threads.commit(turn(held)),
    "release": lambda threads, held: threads.release(held, "handed back"),
    "dead-letter": lambda threads, held: threads.dead_letter(held, letter(held), Entry(held.entries[0].event)),
}


@pytest.mark.parametrize("write", TURN.values(), ids=TURN)
async def test_a_turn_of_the_earlier_owner_writes_nothing(threads: Threads, write: Write) -> None:
    await accept(threads, 1, 2)
    before = await dump(threads.database)
    first = await claim(threads, owner="first")
    await lose(threads.database, before)
    second = await claim(threads, owner="second")
    assert second.fence == first.fence
    stands = await dump(threads.database)
    with pytest.raises(LeaseLost):
        await write(threads, first)
    assert await threads.extend(0, [("ready", THREAD, first.fence)], "first") == [Lease.LOST]
    assert await dump(threads.database) == stands
    await write(threads, second)


async def test_a_commit_whose_answer_was_lost_does_not_hand_over_the_others_events(threads: Threads) -> None:
    await accept(threads, 1, 2)
    before = await dump(threads.database)
    first = await claim(threads, owner="first")
    assert len(await threads.commit(turn(first))) == 1
    await lose(threads.database, before)
    second = await claim(threads, owner="second")
    assert len(await threads.commit(turn(second))) == 1
    with pytest.raises(LeaseLost):
        await threads.commit(turn(first))
    assert len(await threads.commit(turn(second))) == 1, "its own answer may have been lost"


Send = Callable[[Outbox, Outgoing], Awaitable[object]]

REPLY: dict[str, Send] = {
    "mark sending": lambda outbox, held: outbox.mark_sending(held),
    "settle": lambda outbox, held: outbox.settle(held),
    "fail": lambda outbox, held: outbox.settle(held, DeadLetter(id="r1", kind="reply", thread=THREAD, reason="no")),
    "defer": lambda outbox, held: outbox.defer(held, 60, retry=True),
}


@pytest.mark.parametrize("write", REPLY.values(), ids=REPLY)
async def test_a_sender_that_held_the_outbox_earlier_writes_nothing(
    threads: Threads, outbox: Outbox, write: Send
) -> None:
    await post(threads, "r1", "r2")
    before = await dump(threads.database)
    (first,) = await courier(threads, outbox, owner="first")
    await lose(threads.database, before)
    (second,) = await courier(threads, outbox, owner="second")
    assert second.fence == first.fence
    stands = await dump(threads.database)
    with pytest.raises(LeaseLost):
        await write(outbox, first)
    assert await threads.extend(0, [("due", THREAD, first.fence)], "first") == [Lease.LOST]
    assert await dump(threads.database) == stands
    await write(outbox, second)


async def test_a_worker_that_claims_again_what_it_works_on_ends_its_first_turn(threads: Threads) -> None:
    await accept(threads, 1)
    before = await dump(threads.database)
    turns: list[str] = []
    begun, ended = asyncio.Event(), asyncio.Event()

    async def take(p: Partition, taken: Reservation) -> list[Claim]:
        return await threads.claim(p, taken, "worker")

    async def run(held: Claim) -> None:
        name = f"turn {sum(line.endswith('begins') for line in turns) + 1}"
        turns.append(f"{name} begins")
        begun.set()
        if name == "turn 1":
            try:
                await asyncio.Event().wait()
            finally:
                turns.append("turn 1 ends")
                await threads.release(held, "handed back")
        with suppress(LeaseLost):
            await threads.commit(turn(held))
            ended.set()

    claims = Claimer("ready", threads, leases_of(threads), Work(take, run), slots=10, lease=5)
    claims.start()
    await asyncio.wait_for(begun.wait(), 10)
    await lose(threads.database, before)
    await threads.notify(0, "ready")
    await asyncio.wait_for(ended.wait(), 10)
    await claims.stop(0)
    # The second one has nothing any more: the first handed the thread back for both.
    assert turns == ["turn 1 begins", "turn 1 ends", "turn 2 begins", "turn 3 begins"]
    assert await inbox(threads) == 0
