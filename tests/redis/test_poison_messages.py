"""Messages that may be what kills their workers: claimed one at a time, and at last alone."""

from __future__ import annotations

import asyncio
from typing import cast

from answerback.store import keys
from answerback.store.threads.records import SUSPECT, Claim
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, accept, claim, lapse, leases_of
from worker.claiming.claims import Claimer
from worker.claiming.poison import PoisonIsolation
from worker.orders import Pauses
from worker.turns.turns import Turns

OTHER = "github:1:2"
FATAL = 5


async def crashed(threads: Threads, number: int, thread: str, times: int) -> None:
    """An event of the thread whose worker died so often."""
    await accept(threads, number, thread=thread)
    for _ in range(times):
        await claim(threads)
        await lapse(threads, thread=thread)
    # Until the others are ready, too.
    await threads.database.call("ZADD", keys.queue(0, "ready"), 1 << 50, thread)


async def claimed(threads: Threads, *, suspects: int = 1) -> list[tuple[str, int]]:
    """What a worker gets, and how often it crashed."""
    for thread in (THREAD, OTHER):
        await lapse(threads, thread=thread)
    found = await threads.claim(0, await threads.reserve(0, "ready", 10), "worker", suspects=suspects, fatal=FATAL)
    return [(each.thread, each.crashes) for each in found]


async def test_of_two_suspects_one_has_to_wait(threads: Threads) -> None:
    await crashed(threads, 1, THREAD, SUSPECT)
    await crashed(threads, 2, OTHER, SUSPECT)
    assert await claimed(threads) == [(THREAD, SUSPECT)]
    assert await threads.database.call("ZRANGE", keys.retrying(0, "ready"), 0, -1) == [OTHER.encode()]


async def test_an_attempt_that_must_not_crash_begins_alone_and_the_rest_is_given_back(threads: Threads) -> None:
    await crashed(threads, 2, OTHER, FATAL - 1)
    await accept(threads, 1)
    await threads.database.call("DEL", keys.wake(0, "ready"))
    assert await claimed(threads) == [(OTHER, FATAL - 1)]
    assert await threads.database.call("LLEN", keys.wake(0, "ready")) == 1, "somebody else is woken"
    given_back = await claim(threads, owner="another")
    assert (given_back.thread, given_back.attempt, given_back.crashes) == (THREAD, 1, 0)


async def test_what_is_to_be_dead_lettered_takes_nobodys_room(threads: Threads) -> None:
    await crashed(threads, 1, THREAD, FATAL)
    await crashed(threads, 2, OTHER, SUSPECT)
    assert await claimed(threads) == [(THREAD, FATAL), (OTHER, SUSPECT)]


async def test_nothing_begins_beside_an_attempt_that_must_not_crash(threads: Threads) -> None:
    await crashed(threads, 1, THREAD, FATAL - 1)
    await accept(threads, 2, thread=OTHER)
    happened: list[str] = []
    release = asyncio.Event()

    class Work:
        async def run(self, claim: Claim) -> None:
            happened.append(claim.thread)
            await release.wait()
            happened.append(f"{claim.thread} done")

    await lapse(threads)
    suspects = PoisonIsolation(threads, cast(Turns, Work()), Pauses(), owner="worker", max_attempts=FATAL)
    claims = Claimer("ready", threads, leases_of(threads), suspects, slots=10, lease=5)
    claims.start()
    try:
        async with asyncio.timeout(30):
            while not happened:
                await asyncio.sleep(0.005)
            assert suspects.paused
            # What was reserved while it was claimed is given back, too.
            while (
                await threads.database.call("ZCOUNT", keys.queue(0, "ready"), "-inf", await threads.database.now()) != 1
            ):
                await asyncio.sleep(0.005)
            release.set()
            while len(happened) < 4:
                await asyncio.sleep(0.005)
    finally:
        await claims.stop(1)
    assert happened == [THREAD, f"{THREAD} done", OTHER, f"{OTHER} done"]
    assert not suspects.paused
