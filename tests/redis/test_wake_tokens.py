"""Wake tokens: nothing polls, and yet whoever idles learns at once of what there is to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from answerback.store import keys
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, accept, claim, courier, dead_letter, event, post, reply, step, turn


@asynccontextmanager
async def dozing(threads: Threads, queue: keys.Queue) -> AsyncIterator[None]:
    """A worker that dozes when the block begins, and must be awake soon after its end."""
    await threads.database.call("DEL", keys.wake(0, queue))
    doze = asyncio.create_task(threads.wait_for_work(0, queue, 600))
    async with asyncio.timeout(30):
        while b"blocked_clients:1" not in await threads.database.call(
            "EVAL", "return redis.call('INFO', 'clients')", 0
        ):
            await asyncio.sleep(0.001)
        yield
        await doze


async def test_an_accepted_event_wakes(threads: Threads) -> None:
    async with dozing(threads, "ready"):
        await accept(threads, 1)


async def test_an_event_of_a_claimed_thread_wakes_nobody(threads: Threads) -> None:
    await accept(threads, 1)
    await claim(threads)
    await threads.database.call("DEL", keys.wake(0, "ready"))
    await accept(threads, 2)
    assert await tokens(threads, "ready") == 0


@pytest.mark.parametrize("delay", [0, 60])
async def test_a_release_wakes_for_now_and_for_later(threads: Threads, delay: float) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    async with dozing(threads, "ready"):
        await threads.release(held, delay=delay)


async def test_a_thread_given_up_with_events_wakes(threads: Threads) -> None:
    await accept(threads, 1, 2, 3)
    held = await claim(threads)
    async with dozing(threads, "ready"):
        await threads.commit(turn(held, more=False))
    held = await claim(threads)
    async with dozing(threads, "ready"):
        await dead_letter(threads, held)


async def test_a_replay_wakes(threads: Threads, letters: DeadLetters) -> None:
    await accept(threads, 1)
    await dead_letter(threads, await claim(threads))
    async with dozing(threads, "ready"):
        await letters.replay(event(1).id)


async def test_a_reply_wakes_a_sender(threads: Threads, outbox: Outbox) -> None:
    await accept(threads, 1, 2)
    held = await claim(threads)
    async with dozing(threads, "due"):
        await threads.step(step(held, "reply", reply("r1")))
    (outgoing,) = await courier(threads, outbox)
    async with dozing(threads, "due"):
        await outbox.defer(outgoing, 60, retry=True)
    await threads.database.call("DEL", keys.queue(0, "due"))
    async with dozing(threads, "due"):
        await threads.commit(turn(held, reply("r2")))


async def test_one_token_wakes_all_the_workers_that_are_needed(threads: Threads) -> None:
    """Fifty threads become ready with one token, and every one of five workers gets its share."""
    await threads.database.call("DEL", keys.wake(0, "ready"))
    done: list[str] = []
    awake: list[int] = []

    async def work(worker: int) -> None:
        while len(done) < 50:
            taken = await threads.reserve(0, "ready", 1)
            done.extend(taken.threads)
            if taken.threads and worker not in awake:
                awake.append(worker)
                # Busy from here on: the others have to be woken for the rest.
                async with asyncio.timeout(30):
                    while len(awake) < 5:
                        await asyncio.sleep(0.001)
            elif not taken.threads:
                await threads.wait_for_work(0, "ready", 0.2)

    workers = [asyncio.create_task(work(worker)) for worker in range(5)]
    await asyncio.gather(*[threads.accept(event(number, f"github:1:{number}")) for number in range(50)])
    await asyncio.gather(*workers)
    assert len(set(done)) == len(done) == 50


async def test_a_token_passes_on_only_while_there_is_more(threads: Threads) -> None:
    for number in range(3):
        await accept(threads, number, thread=f"github:1:{number}")
    left = []
    for _ in range(4):
        await threads.database.call("DEL", keys.wake(0, "ready"))
        await threads.reserve(0, "ready", 1)
        left.append(await tokens(threads, "ready"))
    assert left == [1, 1, 0, 0]


async def test_tokens_do_not_pile_up(threads: Threads, outbox: Outbox) -> None:
    for number in range(200):
        await threads.notify(0, "ready") if number < 64 else await accept(threads, number, thread=f"github:1:{number}")
    assert await tokens(threads, "ready") == 64


async def test_a_doze_ends_by_itself(threads: Threads) -> None:
    async with asyncio.timeout(30):
        await threads.wait_for_work(0, "ready", 0.01)


async def test_a_doze_can_be_cancelled_and_the_next_command_is_right(threads: Threads) -> None:
    for _ in range(20):
        doze = asyncio.create_task(threads.wait_for_work(0, "ready", 30))
        await asyncio.sleep(0)
        doze.cancel()
        await asyncio.gather(doze, return_exceptions=True)
    await accept(threads, 1)
    assert (await threads.reserve(0, "ready", 1)).threads == (THREAD,)


async def test_what_has_nothing_to_do_wakes_nobody(threads: Threads) -> None:
    async def quiet(call: Callable[[], Awaitable[object]]) -> None:
        for queue in ("ready", "due"):
            await threads.database.call("DEL", f"ab:{{0}}:{queue}:wake")
        await call()
        assert await tokens(threads, "ready") == await tokens(threads, "due") == 0

    await post(threads, "r1")
    await accept(threads, 1)
    held = await claim(threads)
    await quiet(lambda: threads.step(step(held, "look")))
    await quiet(lambda: threads.extend(0, [("ready", THREAD, held.fence)], "worker"))
    await quiet(lambda: threads.commit(turn(held)))
    await quiet(lambda: threads.reserve(0, "ready", 5))


async def tokens(threads: Threads, queue: keys.Queue) -> int:
    found: int = await threads.database.call("LLEN", keys.wake(0, queue))
    return found
