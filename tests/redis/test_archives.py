"""Threads taken whole: purged, dropped when idle, read and put back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest

from answerback.archive import line, parse
from answerback.errors import LeaseLost, StoreFull
from answerback.replies import DeadLetter
from answerback.store import keys
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chats import Chats
from answerback.store.redis import Database
from answerback.store.threads.archives import Archives, Purged
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.repair import set_attention
from answerback.store.threads.threads import Threads
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
    inbox,
    letter,
    post,
    reply,
    step,
    turn,
)


@pytest.fixture
def archives(threads: Threads) -> Archives:
    """The same store's."""
    return Archives(threads)


async def full(threads: Threads, outbox: Outbox) -> None:
    """A thread with something of everything: said, waiting, dead, journaled, sent, failed, unsent."""
    await post(threads, "r1", "r2", "r3")
    (outgoing,) = await courier(threads, outbox)
    following = await outbox.settle(outgoing)
    assert following is not None
    refused = DeadLetter(id="r2", kind="reply", thread=THREAD, reason="it is locked")
    assert await outbox.settle(following, refused) is not None
    await accept(threads, 1, 2, 3)
    held = await claim(threads)
    await threads.database.call("XADD", keys.stream_events(0, THREAD), "*", "k", "text", "d", "{}")
    await dead_letter(threads, held, {"look#1": b"done"})
    held = await claim(threads)
    await threads.step(step(held, "charge#1", record=b"\x80\xff"))
    await threads.database.call("HSET", keys.thread(0, THREAD), "state", b"\x81\xa1a\x01")


# Purging -----------------------------------------------------------------------------------------


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
    assert left - wakes == {keys.counters(0), keys.clock(0), *marks}
    assert all([(await threads.database.call("GET", mark)).startswith(b"stored") for mark in marks])
    assert "waiting" not in await counters(threads)
    assert await archives.purge(THREAD) is None


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


# Dropping ----------------------------------------------------------------------------------------


async def answered(threads: Threads, archives: Archives, outbox: Outbox) -> Any:
    """An idle thread, and its archive."""
    await post(threads, "r1")
    (outgoing,) = await courier(threads, outbox)
    await outbox.settle(outgoing)
    found = await archives.read(THREAD)
    assert found is not None
    return found


async def test_an_idle_thread_is_dropped_as_it_was_read(threads: Threads, archives: Archives, outbox: Outbox) -> None:
    found = await answered(threads, archives, outbox)
    assert await archives.purge_idle(found)
    assert await archives.read(THREAD) is None
    assert not await archives.purge_idle(found)


async def test_a_thread_where_something_happened_since_is_not_dropped(
    threads: Threads, archives: Archives, outbox: Outbox
) -> None:
    found = await answered(threads, archives, outbox)
    await accept(threads, 1)
    assert not await archives.purge_idle(found)
    held = await claim(threads)
    assert not await archives.purge_idle(found)
    await threads.commit(turn(held))
    assert not await archives.purge_idle(found)
    assert await inbox(threads) == 0
    assert await archives.read(THREAD) is not None


async def test_a_thread_with_something_waiting_unsent_or_dead_is_not_dropped(
    threads: Threads, archives: Archives, outbox: Outbox
) -> None:
    await accept(threads, 1)
    waiting = await archives.read(THREAD)
    held = await claim(threads)
    running = await archives.read(THREAD)
    await threads.commit(turn(held, reply("r1")))
    unsent = await archives.read(THREAD)
    (outgoing,) = await courier(threads, outbox)
    await outbox.settle(outgoing, DeadLetter(id="r1", kind="reply", thread=THREAD, reason="no"))
    dead = await archives.read(THREAD)
    for found in (waiting, running, unsent, dead):
        assert found is not None
        assert not await archives.purge_idle(found)
    assert await DeadLetters(threads).delete("r1")
    assert dead is not None
    assert await archives.purge_idle(dead)


# Reading and putting back ------------------------------------------------------------------------


async def test_a_restored_thread_is_what_it_was(threads: Threads, outbox: Outbox, archives: Archives) -> None:
    await full(threads, outbox)
    found = await archives.read(THREAD)
    assert found is not None
    assert parse(line(found)) == found
    assert len(found.waiting) == 2
    assert found.fields["attempts"] == "0"
    assert found.fields["taken"] == "1"
    assert found.journal == {"charge#1": b"\x80\xff"}
    assert found.unsent == ["r3"]
    assert {(dead.letter.id, dead.letter.kind) for dead in found.dead} == {("r2", "reply"), (event(1).id, "event")}
    elsewhere = Threads(threads.database, partitions=3)
    await threads.database.call("FLUSHALL")
    assert await Archives(elsewhere).restore(found)
    again = await Archives(elsewhere).read(THREAD)
    assert again is not None
    assert again.fields.pop("imported")
    assert msgspec.structs.replace(again, dead=sorted(again.dead, key=str)) == msgspec.structs.replace(
        found, dead=sorted(found.dead, key=str)
    )
    assert await counters(elsewhere) == {"waiting": 2, "restored": 2}


async def test_a_restored_thread_goes_on(threads: Threads, outbox: Outbox, archives: Archives) -> None:
    await full(threads, outbox)
    found = await archives.read(THREAD)
    assert found is not None
    await threads.database.call("FLUSHALL")
    assert await Archives(threads).restore(found)
    for number, status in ((2, "duplicate"), (3, "duplicate"), (1, "accepted")):
        assert (await threads.accept(event(number))).status == status
    held = await claim(threads)
    assert held.entries[0].event == event(2)
    assert (held.attempt, held.journal, held.state) == (1, {"charge#1": b"\x80\xff"}, b"\x81\xa1a\x01")
    assert [message.text for message in held.history] == ["message 900", "yes"]
    entries = await threads.commit(turn(held))
    assert entries[0].event == event(3)
    (outgoing,) = await courier(threads, outbox)
    assert outgoing.reply.key == "r3"
    assert await outbox.settle(outgoing) is None
    assert await DeadLetters(threads).replay("r2")
    (outgoing,) = await courier(threads, outbox)
    assert outgoing.reply == reply("r2")


async def test_a_restored_thread_is_as_attentive_as_before(threads: Threads, archives: Archives) -> None:
    await accept(threads, 1)
    await threads.commit(msgspec.structs.replace(turn(await claim(threads)), attention="muted"))
    found = await archives.read(THREAD)
    assert found is not None
    await threads.database.call("FLUSHALL")
    assert await Archives(threads).restore(parse(line(found)))
    await accept(threads, 2)
    assert (await claim(threads)).attention == "muted"


async def test_a_thread_that_is_there_is_replaced_only_if_told_so(
    threads: Threads, outbox: Outbox, archives: Archives
) -> None:
    await full(threads, outbox)
    found = await archives.read(THREAD)
    assert found is not None
    before = await dump(threads.database)
    assert not await archives.restore(found)
    assert await dump(threads.database) == before
    await accept(threads, 4)
    assert await archives.restore(found, replace=True)
    again = await archives.read(THREAD)
    assert again is not None
    assert again.fields.pop("imported")
    assert (again.fields, again.messages, again.waiting) == (found.fields, found.messages, found.waiting)
    assert (again.journal, again.unsent) == (found.journal, found.unsent)
    assert (await counters(threads))["waiting"] == 2


async def test_whoever_held_a_replaced_thread_is_refused(threads: Threads, archives: Archives) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    found = await archives.read(THREAD)
    assert found is not None
    await archives.restore(found, replace=True)
    with pytest.raises(LeaseLost):
        await threads.commit(turn(held))
    heir = await claim(threads)
    assert heir.fence > held.fence
    with pytest.raises(LeaseLost):
        await threads.commit(turn(held))
    await threads.commit(turn(heir))


async def test_thousands_of_messages_are_restored(threads: Threads, archives: Archives) -> None:
    await accept(threads, 1)
    commit = turn(await claim(threads))
    await threads.commit(msgspec.structs.replace(commit, messages=list(commit.messages) * 6_000))
    found = await archives.read(THREAD)
    assert found is not None
    await archives.purge(THREAD)
    assert await archives.restore(found)
    again = await archives.read(THREAD)
    assert again is not None
    assert again.messages == found.messages


async def test_an_event_dead_lettered_during_a_read_is_in_one_place(threads: Threads, archives: Archives) -> None:
    for number in range(100):
        await accept(threads, number, thread=f"github:1:{number % 10}")

    async def work() -> None:
        while claims := await claim_all(threads):
            for held in claims:
                await dead_letter(threads, held)

    async def look() -> None:
        async for id in archives.ids():
            for _ in range(5):
                found = await archives.read(id)
                assert found is not None
                events = [entry.event.id for entry in found.waiting]
                dead = [each.letter.id for each in found.dead]
                assert len({*events, *dead}) == len(events) + len(dead) == 10

    await asyncio.gather(work(), look())


async def test_all_threads_are_named_once(threads: Threads) -> None:
    many = Threads(threads.database, partitions=3)
    for number in range(700):
        await accept(many, number, thread=f"github:1:{number}")
    found = [id async for id in Archives(many).ids()]
    assert sorted(found) == sorted(f"github:1:{number}" for number in range(700))


# Chats -------------------------------------------------------------------------------------------


async def test_a_chat_moves_with_its_place_in_the_lists(threads: Threads, archives: Archives) -> None:
    chats = Chats(threads)
    for user in ("ada", "bob"):
        await chats.open("acme", user, NewChat(user=user, title=f"{user}'s", metadata={"n": [1]}))
        await chats.say("acme", user, msgspec.structs.replace(event(1), message="m1"))
        finished = turn(await claim(threads))
        said, answer = finished.messages
        messages = [msgspec.structs.replace(said, message="m1"), answer]
        await threads.commit(msgspec.structs.replace(finished, messages=messages))
    await chats.open("acme", "short", NewChat(ephemeral=True))
    before = (await chats.list("acme")).chats
    found = [archive async for id in archives.ids() if (archive := await archives.read(id))]
    assert len(found) == 3
    await threads.database.call("FLUSHALL")
    for archive in found:
        assert await archives.restore(parse(line(archive)))
    assert (await chats.list("acme")).chats == before
    assert [chat.id for chat in (await chats.list("acme", user="ada")).chats] == ["ada"]
    assert await threads.database.call("ZCARD", keys.ephemeral(0)) == 1
    # A chat's own messages are known there.
    again = await chats.say("acme", "ada", msgspec.structs.replace(event(1), message="m1"))
    assert again.status == "duplicate"
    opening = NewChat(user="ada", title="ada's", metadata={"n": [1]})
    assert (await chats.open("acme", "ada", opening)).messages == 2


async def test_a_purged_chat_is_in_no_list(threads: Threads, archives: Archives) -> None:
    chats = Chats(threads)
    await chats.open("acme", "one", NewChat(user="ada"))
    await archives.purge("chat:acme:one")
    assert await threads.database.call("KEYS", "*chats*") == []
    assert (await chats.list("acme")).chats == []


async def test_a_thread_that_is_muted_between_export_and_drop_stays(
    threads: Threads, archives: Archives, outbox: Outbox
) -> None:
    found = await answered(threads, archives, outbox)
    assert await set_attention(threads, THREAD, "muted")
    assert not await archives.purge_idle(found)


async def test_a_chat_that_is_changed_between_export_and_drop_stays(threads: Threads, archives: Archives) -> None:
    chats = Chats(threads)
    await chats.open("acme", "one", NewChat(user="ada"))
    found = await archives.read("chat:acme:one")
    assert found is not None
    await chats.change("acme", "one", pinned=True)
    assert not await archives.purge_idle(found)
    found = await archives.read("chat:acme:one")
    assert found is not None
    assert await archives.purge_idle(found)
