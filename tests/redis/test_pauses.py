"""Pauses: what they hold back waits in its queue, and comes back in order, however late a worker hears of it."""

from __future__ import annotations

from answerback.store import keys
from answerback.store.fleet.orders import Orders
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.queues import queues
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, accept, claim, claim_all, courier, lapse, post
from worker.orders import OrderKeeper, Pauses


async def test_a_paused_turn_waits_and_is_first_when_it_is_resumed(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.release(await claim(threads), "handed back", delay=3600, pause="agent:support")
    await accept(threads, 2)
    await accept(threads, 3, thread="github:1:2")
    assert [held.thread for held in await claim_all(threads)] == ["github:1:2"], "a new event does not wake it"
    turns = (await queues(threads)).turns
    assert (turns.waiting, turns.in_flight, turns.retrying, turns.paused) == (0, 1, 0, 1)

    assert await threads.resume(0, "ready", {"agent:support", "agent:other"}) == 0
    assert await claim_all(threads) == []
    await accept(threads, 4, thread="github:1:3")
    assert await threads.resume(0, "ready", {"agent:other"}) == 1
    assert (await threads.reserve(0, "ready", 1)).threads == (THREAD,)
    assert await threads.resume(0, "ready", ()) == 0, "it may be repeated"
    assert (await queues(threads)).turns.paused == 0


async def test_a_paused_thread_that_an_operator_requeues_is_claimed_and_forgotten(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.release(await claim(threads), "handed back", delay=3600, pause="agent:support")
    await lapse(threads)
    held = await claim(threads)
    assert held.attempt == 1, "a pause is no attempt"
    assert await threads.resume(0, "ready", ()) == 0
    assert await threads.database.call("HLEN", keys.paused(0, "ready")) == 0


async def test_paused_replies_wait_and_leave_in_order(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "a.0", "a.1")
    (outgoing,) = await courier(threads, outbox)
    await outbox.defer(outgoing, 3600, retry=False, pause="replies:github")
    assert await courier(threads, outbox) == []
    assert (await queues(threads)).replies.paused == 1
    assert await threads.resume(0, "due", ()) == 1
    (outgoing,) = await courier(threads, outbox)
    assert (outgoing.reply.key, outgoing.reply.attempts) == ("a.0", 0)


async def test_orders_are_kept_with_who_gave_them(threads: Threads) -> None:
    orders = Orders(threads.database)
    await orders.pause("agent:support", by="ada@host", reason="wrong prices")
    await orders.pause("everything", by="ada@host")
    found = await orders.paused()
    assert [(scope, order.by, order.reason) for scope, order in found.items()] == [
        ("agent:support", "ada@host", "wrong prices"),
        ("everything", "ada@host", ""),
    ]
    assert await orders.resume("everything")
    assert not await orders.resume("everything")
    await orders.drain("worker 1", by="ada@host")
    assert await orders.current() == ({"agent:support"}, {"worker 1"})
    await orders.drained("worker 1")
    assert await orders.current() == ({"agent:support"}, set())


async def test_a_worker_puts_back_what_it_held_back_before_it_heard_of_the_resume(threads: Threads) -> None:
    orders, pauses, looked = Orders(threads.database), Pauses(), 0

    def look_again() -> None:
        nonlocal looked
        looked += 1

    keeper = OrderKeeper("worker 1", threads, pauses, look_again)
    await orders.pause("agent:support", by="ada")
    await keeper.look_now()
    assert pauses.agent("support") == "agent:support"
    assert not pauses.agent("other")
    assert not pauses.everything

    await orders.resume("agent:support")
    await accept(threads, 1)
    await threads.release(await claim(threads), "handed back", delay=3600, pause=pauses.agent("support"))
    before = looked
    await keeper.look_now()
    assert not pauses.agent("support")
    assert looked == before + 1
    assert (await claim(threads)).thread == THREAD

    # What a worker held back that died before it heard of the resume, another one finds.
    await accept(threads, 2, thread="github:1:2")
    (held,) = await claim_all(threads)
    await threads.release(held, "handed back", delay=3600, pause="agent:support")
    await keeper.look_now(repair=True)
    assert [held.thread for held in await claim_all(threads)] == ["github:1:2"]

    await orders.drain("worker 1", by="ada")
    await keeper.look_now()
    assert keeper.draining.is_set()
    await keeper.leave()
    assert (await orders.current())[1] == set()
