"""The clock of Redis is the only one, and its milliseconds are stored to the last digit."""

from __future__ import annotations

import time

import pytest

from answerback.store import keys
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, accept, claim, claim_all, courier, dead_letter, event, post

HOUR = 3600


@pytest.fixture(params=[-HOUR, HOUR])
def wrong(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has a clock that is an hour off."""
    right, off = time.time, request.param
    monkeypatch.setattr(time, "time", lambda: right() + off)
    monkeypatch.setattr(time, "time_ns", lambda: int((right() + off) * 1e9))


@pytest.mark.usefixtures("wrong")
async def test_a_worker_whose_clock_is_wrong_claims_and_leaves_alone_what_it_should(
    threads: Threads, outbox: Outbox
) -> None:
    assert abs(await threads.database.now() - time.time() * 1000) > HOUR * 900
    await accept(threads, 1)
    held = await claim(threads)
    assert await claim_all(threads) == []
    await threads.release(held, delay=60)
    assert await claim_all(threads) == []
    taken = await threads.reserve(0, "ready", 1)
    assert taken.wait is not None
    assert 0 < taken.wait <= 60_000
    assert abs(threads.now - await threads.database.now()) < HOUR * 100
    await outbox.pause("slack", 60)
    assert 0 < await outbox.paused(["slack"]) <= 60


async def test_times_are_stored_to_the_millisecond(threads: Threads, outbox: Outbox, letters: DeadLetters) -> None:
    """Lua writes a number of 13 digits as 1.7e+12 if it is let."""
    before = await threads.database.now()
    await post(threads, "r1")
    await accept(threads, 1, thread="github:1:2")
    await dead_letter(threads, await claim(threads))
    await courier(threads, outbox)
    await accept(threads, 2)
    await threads.release(await claim(threads), delay=0.5)
    after = await threads.database.now()
    for key, member, later in (
        (keys.queue(0, "ready"), THREAD, 500),
        (keys.retrying(0, "ready"), THREAD, 500),
        (keys.queue(0, "due"), THREAD, 5000),
        (keys.threads(0), THREAD, 0),
        (keys.dead_letter_times(0), event(1).id, 0),
    ):
        score = await threads.database.call("EVAL", "return redis.call('ZSCORE', KEYS[1], ARGV[1])", 1, key, member)
        assert score.isdigit(), key
        assert before <= int(score) - later <= after, key
    created = await threads.database.call("HGET", keys.thread(0, THREAD), "created")
    assert before <= int(created) <= after


async def test_all_milliseconds_of_a_second_come_through(threads: Threads) -> None:
    seen = set()
    for _ in range(300):
        await threads.database.call("DEL", keys.queue(0, "ready"))
        await threads.database.call("ZADD", keys.queue(0, "ready"), 1, THREAD)
        taken = await threads.reserve(0, "ready", 1)
        score = await threads.database.call("ZSCORE", keys.queue(0, "ready"), THREAD)
        assert score == taken.till
        seen.add(taken.till % 1000)
    assert len(seen) > 20


async def test_a_response_that_comes_late_does_not_make_it_earlier(threads: Threads) -> None:
    threads._estimate(1_000_000)
    threads._estimate(999_700)
    assert threads.now >= 1_000_000
    # This was no delay.
    threads._estimate(900_000)
    assert threads.now < 950_000
