"""Threads that an operator takes from a worker, or sends on before their time."""

from __future__ import annotations

import msgspec
import pytest

from answerback.errors import LeaseLost
from answerback.store import keys
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.repair import requeue, set_attention, unlock
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, accept, claim, claim_all, counters, courier, post, reply, step, turn, until


async def test_an_unlocked_thread_is_claimable_at_once_and_its_worker_refused(threads: Threads) -> None:
    await accept(threads, 1)
    before = await threads.database.now()
    first = await claim(threads, "first")
    found = await unlock(threads, THREAD)
    assert found is not None
    assert (found.owner, found.sending) == ("first", False)
    assert before <= found.since <= await threads.database.now()
    second = await claim(threads, "second")
    for late in (threads.step(step(first, "look#1")), threads.commit(turn(first)), threads.release(first)):
        with pytest.raises(LeaseLost):
            await late
    assert await threads.extend(0, [("ready", THREAD, first.fence)], "worker") == [False]
    # Nothing is held against the message.
    assert (second.attempt, second.crashes) == (1, 0)
    await threads.commit(turn(second))
    assert await counters(threads) == {"accepted": 1, "handled": 1}


async def test_an_unlocked_turn_goes_on_with_what_was_done(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.step(step(await claim(threads), "look#1"))
    await unlock(threads, THREAD)
    assert (await claim(threads)).journal == {"look#1": b"done"}


async def test_an_unlocked_outbox_is_claimable_when_its_lease_ends(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    (first,) = await courier(threads, outbox)
    found = await unlock(threads, THREAD)
    assert found is not None
    assert (found.owner, found.sending) == ("", True)
    assert 0 < found.wait <= 5000
    with pytest.raises(LeaseLost):
        await outbox.mark_sending(first)
    with pytest.raises(LeaseLost):
        await outbox.settle(first)
    # The request that is under way may arrive yet.
    assert await courier(threads, outbox) == []
    assert await threads.extend(0, [("due", THREAD, first.fence)], "worker") == [False]
    await threads.database.call("ZADD", keys.queue(0, "due"), 1, THREAD)
    (second,) = await courier(threads, outbox)
    assert second.fence > first.fence
    assert await outbox.settle(second) is None


async def test_a_thread_that_nobody_holds_is_not_unlocked(threads: Threads) -> None:
    assert await unlock(threads, THREAD) is None
    await accept(threads, 1)
    found = await unlock(threads, THREAD)
    assert found is not None
    assert (found.owner, found.since, found.sending) == ("", 0, False)
    await threads.commit(turn(await claim(threads)))
    found = await unlock(threads, THREAD)
    assert found is not None
    assert (found.owner, found.since) == ("", 0)
    assert await claim_all(threads) == []


async def test_a_retrying_thread_is_claimable_now_and_its_attempts_stay_counted(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.release(await claim(threads), delay=3600, error="no")
    assert await claim_all(threads) == []
    found = await requeue(threads, THREAD)
    assert found is not None
    assert (found.turn, found.replies) == ("requeued", "empty")
    assert await threads.database.call("ZCARD", keys.retrying(0, "ready")) == 0
    await until(lambda: _claimable(threads))
    assert (await claim(threads)).attempt == 2


async def test_a_cancelled_turn_that_waits_for_its_next_attempt_is_claimable_at_once(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.release(await claim(threads), delay=3600, error="no")
    assert await claim_all(threads) == []
    assert await threads.cancel(THREAD)
    assert await threads.database.call("ZCARD", keys.retrying(0, "ready")) == 0
    again = await claim(threads)
    assert (again.attempt, again.cancelled) == (2, True)


async def test_a_thread_that_is_missing_from_its_queue_is_put_back(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    await accept(threads, 1)
    for queue in ("ready", "due"):
        await threads.database.call("DEL", f"ab:{{0}}:{queue}")
    found = await requeue(threads, THREAD)
    assert found is not None
    assert (found.turn, found.replies) == ("lost", "lost")
    await until(lambda: _claimable(threads))
    assert len(await claim_all(threads)) == len(await courier(threads, outbox)) == 1


async def test_a_deferred_outbox_is_sent_now(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    pending = msgspec.structs.replace(outgoing, reply=reply("r1"))
    await outbox.defer(pending, 3600, retry=True)
    found = await requeue(threads, THREAD)
    assert found is not None
    assert (found.turn, found.replies) == ("empty", "requeued")
    await until(lambda: _claimable(threads, "due"))
    assert len(await courier(threads, outbox)) == 1


async def test_a_thread_that_is_held_or_has_nothing_to_do_is_not_requeued(threads: Threads, outbox: Outbox) -> None:
    assert await requeue(threads, THREAD) is None
    await post(threads, "r1")
    await courier(threads, outbox)
    await accept(threads, 1)
    assert await requeue(threads, THREAD) == await requeue(threads, THREAD)
    held = await claim(threads)
    found = await requeue(threads, THREAD)
    assert found is not None
    assert (found.turn, found.replies) == ("held", "held")
    assert await claim_all(threads) == []
    await threads.commit(turn(held))
    found = await requeue(threads, THREAD)
    assert found is not None
    assert found.turn == "empty"


async def test_a_reservation_that_is_requeued_gives_its_thread_to_one_worker(threads: Threads) -> None:
    await accept(threads, 1)
    taken = await threads.reserve(0, "ready", 10)
    found = await requeue(threads, THREAD)
    assert found is not None
    assert found.turn == "requeued"
    await until(lambda: _claimable(threads))
    held = await claim(threads, "second")
    assert await threads.claim(0, taken, "first") == []
    await threads.commit(turn(held))


async def _claimable(threads: Threads, queue: keys.Queue = "ready") -> bool:
    score = await threads.database.call("ZSCORE", keys.queue(0, queue), THREAD)
    return bool(score <= await threads.database.now())


async def test_an_operator_sets_the_attention_of_a_thread(threads: Threads) -> None:
    assert await set_attention(threads, THREAD, "muted") is None
    await accept(threads, 1, 2)
    held = await claim(threads)
    changed = await set_attention(threads, THREAD, "muted")
    assert changed is not None
    assert (changed.before, changed.attention) == ("default", "muted")
    await threads.commit(turn(held, more=False))
    assert (await claim(threads)).attention == "muted"
