"""The numbers an operator sees are true in every state."""

from __future__ import annotations

from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.queues import Queue, queues
from answerback.store.threads.search import listed
from answerback.store.threads.threads import Threads
from answerback.store.threads.views import thread_summary, transcript
from tests.redis.given import (
    THREAD,
    accept,
    claim,
    claim_all,
    courier,
    dead_letter,
    event,
    lapse,
    post,
    reply,
    step,
    turn,
)

EMPTY = Queue(waiting=0, in_flight=0, retrying=0, oldest=0)


async def test_an_empty_store_counts_nothing(threads: Threads) -> None:
    found = await queues(threads)
    assert (found.turns, found.replies) == (EMPTY, EMPTY)
    assert (found.accepted, found.events_waiting, found.threads, found.dead) == (0, 0, 0, 0)


async def test_the_turns_are_counted_in_every_state(threads: Threads) -> None:
    many = Threads(threads.database, partitions=3)
    for number in range(6):
        await accept(many, number, number + 100, thread=f"github:1:{number}")
    turns = (await queues(many)).turns
    assert (turns.waiting, turns.in_flight, turns.retrying) == (6, 0, 0)
    claims = {held.thread: held for held in await claim_all(many)}
    assert (await queues(many)).turns == Queue(waiting=0, in_flight=6, retrying=0, oldest=0)
    await many.release(claims["github:1:0"], delay=60)
    await many.release(claims["github:1:1"], "handed back")
    await many.commit(turn(claims["github:1:2"]))
    await dead_letter(many, claims["github:1:3"])
    await lapse(many, thread="github:1:4")
    found = await queues(many)
    assert (found.turns.waiting, found.turns.in_flight, found.turns.retrying) == (3, 2, 1)
    assert (found.accepted, found.events_waiting, found.handled, found.dead_lettered) == (12, 10, 1, 1)
    assert (found.dead, found.attempts_failed, found.threads) == (1, 1, 6)
    # The lapsed lease is the oldest of what is claimable; the clock of this process is not asked.
    assert found.turns.oldest > 10_000


async def test_the_replies_are_counted_in_every_state(threads: Threads, outbox: Outbox) -> None:
    for number in range(5):
        await post(threads, "r", thread=f"github:1:{number}", number=number)
    found = (await queues(threads)).replies
    assert (found.waiting, found.in_flight, found.retrying) == (5, 0, 0)
    held = {outgoing.thread: outgoing for outgoing in await courier(threads, outbox, limit=4)}
    assert len(held) == 4
    await outbox.settle(held["github:1:0"])
    await outbox.defer(held["github:1:1"], 60, retry=True)
    replies = (await queues(threads)).replies
    assert (replies.waiting, replies.in_flight, replies.retrying) == (1, 2, 1)
    assert (await queues(threads)).replies_sent == 1


async def test_a_threads_state_is_told_as_it_is(threads: Threads) -> None:
    async def state() -> str:
        found = await thread_summary(threads, THREAD)
        assert found is not None
        return found.state

    assert await thread_summary(threads, THREAD) is None
    await accept(threads, 1)
    assert await state() == "waiting"
    held = await claim(threads, owner="worker 7")
    summary = await thread_summary(threads, THREAD)
    assert summary is not None
    assert (summary.state, summary.owner, summary.waiting) == ("running", "worker 7", 1)
    await threads.release(held, delay=60, error="no answer")
    summary = await thread_summary(threads, THREAD)
    assert summary is not None
    assert (summary.state, summary.error, summary.attempts) == ("retrying", "no answer", 1)
    assert 59_000 < summary.next <= 60_000
    await lapse(threads)
    await threads.commit(turn(await claim(threads)))
    summary = await thread_summary(threads, THREAD)
    assert summary is not None
    assert (summary.state, summary.error, summary.attempts, summary.messages) == ("idle", "", 0, 2)
    assert 0 < summary.created <= summary.updated <= await threads.database.now()


async def test_a_thread_is_shown_whole(threads: Threads, letters: DeadLetters) -> None:
    await accept(threads, 1, 2)
    held = await claim(threads)
    held.entries, held.position = await threads.commit(turn(held, reply("r1"))), held.position + 1
    await threads.step(step(held, "look"))
    found = await transcript(threads, THREAD)
    assert found is not None
    assert [message.text for message in found.messages] == ["message 1", "yes"]
    assert (found.waiting, found.steps, found.replies) == ([event(2)], ["look"], [reply("r1")])
    assert [summary.id async for summary in listed(threads)] == [THREAD]
