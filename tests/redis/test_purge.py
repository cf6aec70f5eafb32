"""A purge removes a thread whole, whoever holds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from answerback.errors import LeaseLost, StoreFull
from answerback.replies import DeadLetter
from answerback.store import keys
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chats import Chats
from answerback.store.fleet.aliases import Aliases
from answerback.store.redis import Database
from answerback.store.threads.archives import Archives, Purged
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.redis.archived import full
from tests.redis.given import (
    THREAD,
    accept,
    claim,
    claim_all,
    counters,
    courier,
    dead_letter,
    dump,
    event,
    letter,
    post,
    reply,
    step,
    turn,
)


async def test_a_purged_thread_leaves_nothing_but_the_ids_of_its_deliveries(
    threads: Threads, outbox: Outbox, archives: Archives
) -> None:
    await full(threads, outbox)
    found = await archives.purge(THREAD)
    assert found == Purged(
        thread=THREAD, owner="worker", messages=2, events=2, replies=3, steps=1, stream_events=1, dead=2
    )
    left = {key.decode() for key in await threads.database.call("KEYS", "*")}
    wakes = {keys.wake(0, "ready"), keys.wake(0, "due")}
    marks = {keys.seen(0, f"github:{number}") for number in (1, 2, 3, 900)}
    assert left - wakes == {keys.counters(0), keys.clock(0), keys.layout(), *marks}
    assert all([(await threads.database.call("GET", mark)).startswith(b"stored") for mark in marks])
    assert "waiting" not in await counters(threads)
    assert await archives.purge(THREAD) is None


async def test_second_ids_go_with_their_thread(threads: Threads, outbox: Outbox, archives: Archives) -> None:
    """A phone number must not lead to who had it."""
    aliases, other = Aliases(threads.database), "github:9:9"
    for how in ("its id", "its second id", "retention"):
        await accept(threads, 1)
        await aliases.add(THREAD, "github:phone")
        await aliases.add("github:phone", "github:user")
        await aliases.add(other, "github:other")
        match how:
            case "its id":
                assert await archives.purge(THREAD)
            case "its second id":
                assert await archives.purge("github:user")
            case "retention":
                await threads.commit(turn(await claim(threads)))
                found = await archives.read(THREAD)
                assert found is not None
                assert await archives.purge_idle(found)
        left = {key.decode() for key in await threads.database.call("KEYS", "ab:aliases*")}
        assert left == {"ab:aliases:github", "ab:aliases:of:github:9:9"}
        assert await threads.database.call("HKEYS", "ab:aliases:github") == [b"github:other"]
        assert await Aliases(threads.database).resolve("github:phone") == "github:phone"
        for mark in await threads.database.call("KEYS", "*seen*"):
            await threads.database.call("DEL", mark)
    # An id that someone else has by now is left alone.
    await aliases.add(THREAD, "github:phone")
    await threads.database.call("HSET", "ab:aliases:github", "github:phone", other)
    await archives.purge(THREAD)
    assert await Aliases(threads.database).resolve("github:phone") == other


async def test_a_redelivery_to_a_purged_thread_is_a_duplicate(
    threads: Threads, outbox: Outbox, archives: Archives
) -> None:
    await full(threads, outbox)
    await archives.purge(THREAD)
    for number in (1, 2, 3, 900):
        assert (await threads.accept(event(number))).status == "duplicate"
    assert await claim_all(threads) == []


@pytest.mark.parametrize(
    "late",
    [
        lambda threads, held: threads.commit(turn(held, reply("late"))),
        lambda threads, held: threads.step(step(held, "late#1", reply("late"))),
        lambda threads, held: threads.release(held, delay=1),
        lambda threads, held: threads.dead_letter(held, letter(held), held.entries[0]),
    ],
)
async def test_a_worker_of_a_purged_thread_is_refused_whoever_comes_after_it(
    threads: Threads, archives: Archives, late: Callable[..., Coroutine[Any, Any, Any]]
) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    await archives.purge(THREAD)
    purged = await dump(threads.database)
    with pytest.raises(LeaseLost):
        await late(threads, held)
    assert await threads.extend(0, [("ready", THREAD, held.fence)], "worker") == [False]
    assert await dump(threads.database) == purged
    # Another conversation of that id stands at the same position, and is no business of that worker.
    await accept(threads, 2)
    heir = await claim(threads)
    assert heir.fence > held.fence
    assert (heir.position, heir.attempt, heir.history, heir.journal) == (0, 1, [], {})
    before = await dump(threads.database)
    with pytest.raises(LeaseLost):
        await late(threads, held)
    assert await dump(threads.database) == before


async def test_a_sender_of_a_purged_thread_is_refused_whoever_comes_after_it(
    threads: Threads, outbox: Outbox, archives: Archives
) -> None:
    await post(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    await archives.purge(THREAD)
    for again in range(2):
        refused = DeadLetter(id="r1", kind="reply", thread=THREAD, reason="no")
        for late in (
            outbox.mark_sending(outgoing),
            outbox.settle(outgoing),
            outbox.settle(outgoing, refused),
            outbox.defer(outgoing, 0, retry=True),
        ):
            with pytest.raises(LeaseLost):
                await late
        if not again:
            await post(threads, "r1", number=901)
            (heir,) = await courier(threads, outbox)
            assert heir.fence > outgoing.fence


async def test_an_event_dead_lettered_during_a_purge_does_not_return(threads: Threads, archives: Archives) -> None:
    many = Threads(threads.database)
    letters = DeadLetters(threads)
    for number in range(40):
        await accept(many, number)

    async def work() -> None:
        try:
            while True:
                await dead_letter(many, await claim(many))
        except ValueError:
            pass  # nothing is left to claim

    async def purge() -> None:
        await asyncio.sleep(0.01)
        await archives.purge(THREAD)

    await asyncio.gather(work(), purge())
    assert [found async for found in letters.list()] == []
    for number in range(40):
        assert (await threads.accept(event(number))).status == "duplicate"


async def test_a_purge_spares_other_threads(threads: Threads, archives: Archives) -> None:
    await accept(threads, 7, 8, thread="github:1:2")
    await dead_letter(threads, await claim(threads))
    other = await archives.read("github:1:2")
    await accept(threads, 1)
    await archives.purge(THREAD)
    assert await archives.read("github:1:2") == other
    assert await counters(threads) == {"accepted": 3, "buried": 1, "waiting": 1}


async def test_a_full_server_purges_and_refuses_to_import(
    threads: Threads, archives: Archives, database: Database
) -> None:
    await accept(threads, 1)
    found = await archives.read(THREAD)
    assert found is not None
    await database.call("CONFIG", "SET", "maxmemory", "1")
    try:
        assert await archives.purge(THREAD) is not None
        before = await dump(database)
        with pytest.raises(StoreFull):
            await archives.restore(found)
        assert await dump(database) == before
    finally:
        await database.call("CONFIG", "SET", "maxmemory", "0")


async def test_a_purged_chat_is_in_no_list(threads: Threads, archives: Archives) -> None:
    chats = Chats(threads)
    await chats.open("acme", "one", NewChat(user="ada"))
    await archives.purge("chat:acme:one")
    assert await threads.database.call("KEYS", "*chats*") == []
    assert (await chats.list("acme")).chats == []
