"""extend: one heartbeat renews all that a worker holds, and tells what it lost."""

from __future__ import annotations

import asyncio

import pytest

from answerback.store import keys
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.records import Lease
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, accept, claim, claim_all, courier, dead_letter, dump, lapse, leases_of, post, turn

OTHER = "github:1:2"


async def test_a_heartbeat_renews_turns_and_outboxes(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    await accept(threads, 1, thread=OTHER)
    held = await claim(threads)
    await lapse(threads, "due")
    await lapse(threads, thread=OTHER)
    assert await threads.extend(0, [("due", THREAD, outgoing.fence), ("ready", OTHER, held.fence)], "worker") == [
        True,
        True,
    ]
    assert await courier(threads, outbox) == []
    assert await claim_all(threads) == []
    now = await threads.database.now()
    for queue, thread in (("due", THREAD), ("ready", OTHER)):
        score = await threads.database.call("ZSCORE", f"ab:{{0}}:{queue}", thread)
        assert 4000 < score - now <= 5000


async def test_a_heartbeat_tells_apart_what_is_held_and_what_is_lost(threads: Threads) -> None:
    for number in range(4):
        await accept(threads, number, thread=f"github:1:{number}")
    claims = {held.thread: held for held in await claim_all(threads)}
    await lapse(threads, thread="github:1:1")
    await claim(threads, owner="heir")
    await threads.commit(turn(claims["github:1:2"]))
    leases = [(name, id, held.fence) for name, (id, held) in zip(["ready"] * 4, sorted(claims.items()), strict=True)]
    before = await threads.database.call("ZSCORE", keys.queue(0, "ready"), "github:1:1")
    assert await threads.extend(0, [("ready", id, fence) for _, id, fence in leases], "worker") == [
        Lease.HELD, Lease.LOST, Lease.GIVEN_UP, Lease.HELD,
    ]  # fmt: skip
    assert await threads.database.call("ZSCORE", keys.queue(0, "ready"), "github:1:1") == before
    assert await threads.database.call("ZSCORE", keys.queue(0, "ready"), "github:1:2") is None


async def test_a_fence_of_the_turn_is_none_of_the_outbox(threads: Threads, outbox: Outbox) -> None:
    await post(threads, "r1")
    await accept(threads, 1)
    held = await claim(threads)
    assert await threads.extend(0, [("due", THREAD, held.fence), ("ready", THREAD, held.fence)], "worker") == [
        False,
        True,
    ]
    (outgoing,) = await courier(threads, outbox)
    assert await threads.extend(0, [("due", THREAD, outgoing.fence)], "worker") == [True]


async def test_nothing_is_extended_that_nobody_ever_held(threads: Threads) -> None:
    before = await dump(threads.database)
    assert await threads.extend(0, [("ready", THREAD, 0), ("due", THREAD, 1)], "worker") == [False, False]
    assert await threads.extend(0, [], "worker") == []
    assert await dump(threads.database) == before


async def test_a_thread_without_its_last_event_is_no_longer_held(threads: Threads) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    await dead_letter(threads, held)
    assert await threads.extend(0, [("ready", THREAD, held.fence)], "worker") == [Lease.GIVEN_UP]
    assert not await threads.database.call("EXISTS", keys.queue(0, "ready"))


async def test_a_worker_that_hears_the_heartbeat_before_its_commit_has_lost_nothing(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.claiming.leases.RESPONSE_DELAY", 0)
    await accept(threads, 1)
    held = await claim(threads)
    leases = leases_of(threads)
    working = asyncio.create_task(asyncio.sleep(600))
    leases.hold(0, "ready", THREAD, held.fence, working)
    await threads.commit(turn(held))
    await leases._renew_all()
    assert not working.cancelling()
    await accept(threads, 2)
    await claim(threads, owner="another")
    await leases._renew_all()
    assert working.cancelling()
