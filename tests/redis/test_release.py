"""release and dead_letter: a thread is given up, for another try, handed back, or without the event it failed on."""

from __future__ import annotations

import asyncio

import pytest

from answerback.errors import LeaseLost
from answerback.store import keys
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.queues import queues
from answerback.store.threads.records import Lease
from answerback.store.threads.threads import Threads
from tests.redis.given import (
    THREAD,
    accept,
    claim,
    claim_all,
    counters,
    dead_letter,
    dump,
    event,
    inbox,
    lapse,
    step,
    turn,
    until,
)


async def test_a_failed_turn_is_tried_again_when_its_delay_is_over(threads: Threads) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    await threads.step(step(held, "look"))
    await threads.release(held, delay=0.03, error="no answer")
    assert await counters(threads) == {"accepted": 1, "waiting": 1, "failed": 1}
    found = []

    async def due() -> bool:
        found.extend(await claim_all(threads))
        return bool(found)

    await until(due)
    assert (found[0].attempt, found[0].journal) == (2, {"look": b"done"})


async def test_a_thread_handed_back_is_claimable_at_once_and_lost_no_attempt(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.release(await claim(threads), "handed back")
    assert (await claim(threads)).attempt == 1
    assert "failed" not in await counters(threads)


async def test_a_thread_is_released_once_even_if_said_twice(threads: Threads) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    await threads.release(held, delay=60)
    before = await dump(threads.database)
    await threads.release(held, delay=60)
    assert await dump(threads.database) == before


async def test_a_release_after_the_commit_gave_the_thread_up_changes_nothing(threads: Threads) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    await threads.commit(turn(held))
    before = await dump(threads.database)
    await threads.release(held, "handed back")
    assert await dump(threads.database) == before


async def test_an_event_that_was_dead_lettered_makes_way_for_the_next(threads: Threads, letters: DeadLetters) -> None:
    await accept(threads, 1, 2)
    held = await claim(threads)
    await threads.step(step(held, "look"))
    await dead_letter(threads, held)
    found = await claim(threads)
    assert (found.entries[0].event, found.attempt, found.journal, found.position) == (event(2), 1, {}, 1)
    (letter,) = [letter async for letter in letters.list()]
    assert (letter.id, letter.reason) == (event(1).id, "it always fails")
    assert letter.at > 0
    assert await counters(threads) == {"accepted": 2, "waiting": 1, "buried": 1}


async def test_an_event_is_dead_lettered_once_even_if_asked_twice(threads: Threads) -> None:
    await accept(threads, 1, 2)
    held = await claim(threads)
    await dead_letter(threads, held)
    before = await dump(threads.database)
    await dead_letter(threads, held)
    assert await dump(threads.database) == before
    assert await inbox(threads) == 1


async def test_the_last_event_of_a_thread_can_be_dead_lettered(threads: Threads) -> None:
    await accept(threads, 1)
    await dead_letter(threads, await claim(threads))
    assert await claim_all(threads) == []
    assert not await threads.database.call("EXISTS", keys.queue(0, "ready"))


async def test_an_event_that_came_back_can_be_dead_lettered_again(threads: Threads, letters: DeadLetters) -> None:
    await accept(threads, 1)
    await dead_letter(threads, await claim(threads))
    assert await letters.replay(event(1).id)
    await dead_letter(threads, await claim(threads), {"look": b"done"})
    found = await letters.get(event(1).id)
    assert found is not None
    assert await counters(threads) == {"accepted": 1, "buried": 2}
    assert (await threads.accept(event(1))).reason == "replayed from the dead letters"


async def test_what_waits_for_another_try_is_told_apart_from_what_runs(threads: Threads) -> None:
    await accept(threads, 1, thread="github:1:1")
    await accept(threads, 2, thread="github:1:2")
    first, second = await claim_all(threads)
    await threads.release(first, delay=60)
    turns = (await queues(threads)).turns
    assert (turns.waiting, turns.in_flight, turns.retrying) == (0, 1, 1)
    await lapse(threads, thread=first.thread)
    await claim(threads)
    turns = (await queues(threads)).turns
    assert (turns.waiting, turns.in_flight, turns.retrying) == (0, 2, 0)
    await threads.commit(turn(second))


async def test_only_one_of_two_who_hold_a_thread_can_give_it_up(threads: Threads) -> None:
    await accept(threads, 1)
    old = await claim(threads)
    await lapse(threads)
    new = await claim(threads)
    results = await asyncio.gather(threads.release(old), threads.release(new), return_exceptions=True)
    assert isinstance(results[0], LeaseLost)
    assert results[1] is None


async def test_a_heartbeat_under_way_does_not_take_a_thread_back_that_was_given_up(threads: Threads) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    await threads.release(held, "handed back")
    assert await threads.extend(0, [("ready", THREAD, held.fence)], "worker") == [Lease.GIVEN_UP]
    held = await claim(threads)
    await threads.commit(turn(held))
    await accept(threads, 2)
    assert await threads.extend(0, [("ready", THREAD, held.fence)], "worker") == [Lease.GIVEN_UP]
    with pytest.raises(LeaseLost):
        await threads.step(step(held, "look"))
    assert (await claim(threads)).entries[0].event == event(2)
