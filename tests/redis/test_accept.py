"""accept: a delivery becomes one entry, in the order of arrival, and all of it or nothing is stored."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from answerback.errors import MalformedBody, StoreFull
from answerback.events import Entry, Event
from answerback.replies import Reply
from answerback.store import keys
from answerback.store.redis import Database
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.redis.conftest import Server
from tests.redis.given import (
    THREAD,
    accept,
    claim,
    counters,
    courier,
    dead_letter,
    dump,
    event,
    inbox,
    reply,
    step,
    turn,
    until,
)


async def test_a_delivery_is_stored_once_however_often_it_comes(threads: Threads) -> None:
    first = await threads.accept(event(1))
    again = await threads.accept(event(1))
    assert (first.status, again.status) == ("accepted", "duplicate")
    assert first.dispatch_id == again.dispatch_id == event(1).id
    assert await inbox(threads) == 1
    assert await counters(threads) == {"accepted": 1, "waiting": 1}


async def test_fifty_deliveries_at_once_store_one_event(threads: Threads) -> None:
    receipts = await asyncio.gather(*[threads.accept(event(1)) for _ in range(50)])
    assert sorted(receipt.status for receipt in receipts) == ["accepted"] + ["duplicate"] * 49
    assert {receipt.dispatch_id for receipt in receipts} == {event(1).id}
    assert await inbox(threads) == 1


async def test_two_processes_that_get_the_same_delivery_store_one_event(threads: Threads, server: Server) -> None:
    other = Threads(Database(server.url))
    both = [one.accept(event(1)) for _ in range(25) for one in (threads, other)]
    receipts = await asyncio.gather(*both)
    assert [receipt.status for receipt in receipts].count("accepted") == 1
    assert await inbox(threads) == 1
    await other.database.close()


async def test_two_events_of_one_gesture_are_one(threads: Threads) -> None:
    one, other = (msgspec.structs.replace(event(number), gesture="slack:T1:c0ffee") for number in (1, 2))
    other = msgspec.structs.replace(other, thread="github:1:elsewhere")
    first, second, again = await threads.accept(one), await threads.accept(other), await threads.accept(one)
    assert (first.status, second.status, again.status) == ("accepted", "duplicate", "duplicate")
    assert second.dispatch_id == again.dispatch_id == one.id
    assert (await threads.accept(event(3))).status == "accepted"


async def test_two_events_of_one_gesture_are_one_in_other_partitions_too(database: Database) -> None:
    threads = Threads(database, partitions=16)
    found = [msgspec.structs.replace(event(n), thread=f"github:1:{n}", gesture="github:c0ffee") for n in range(5)]
    assert len({threads.partitions.current.of(each.thread) for each in found}) > 1
    receipts = [await threads.accept(each) for each in found]
    assert [receipt.status for receipt in receipts] == ["accepted"] + ["duplicate"] * 4
    assert {receipt.dispatch_id for receipt in receipts} == {found[0].id}
    assert (await threads.accept(found[0])).status == "duplicate"


async def test_a_duplicate_is_one_after_its_event_was_handled_too(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.commit(turn(await claim(threads)))
    assert (await threads.accept(event(1))).status == "duplicate"
    assert await inbox(threads) == 0


async def test_events_that_come_at_once_keep_their_order_in_each_thread(threads: Threads) -> None:
    ids = [f"github:1:{number % 3}" for number in range(400)]
    await asyncio.gather(*[threads.accept(event(number, thread)) for number, thread in enumerate(ids)])
    for thread in set(ids):
        stored = await threads.database.call("LRANGE", keys.inbox(0, thread), 0, -1)
        assert [number for number, id in enumerate(ids) if id == thread] == [_number(entry) for entry in stored]


async def test_a_repeat_with_another_thread_is_told_where_the_first_is(threads: Threads) -> None:
    first = await threads.accept(event(1))
    again = await threads.accept(event(1, "github:1:2", text="something else"))
    assert again == msgspec.structs.replace(first, status="duplicate")
    assert await inbox(threads) == 1
    assert not await threads.database.call("EXISTS", keys.thread(0, "github:1:2"))


async def test_a_repeat_with_another_thread_takes_no_dead_letter_into_that_thread(threads: Threads) -> None:
    await accept(threads, 1)
    await dead_letter(threads, await claim(threads))
    again = await threads.accept(event(1, "github:1:2"))
    assert (again.status, again.thread) == ("duplicate", THREAD)
    assert (await threads.accept(event(1))).reason == "replayed from the dead letters"


@pytest.mark.parametrize("with_thread", [True, False])
async def test_what_an_older_version_stored_under_another_delivery_id_is_a_duplicate(
    threads: Threads, with_thread: bool
) -> None:
    await accept(threads, 1)
    if not with_thread:
        await threads.database.call("SET", keys.seen(0, "github:1"), "stored", "KEEPTTL")
    now = msgspec.structs.replace(event(1), delivery="github:7:issue_comment.created:1", former="github:1")
    receipt = await threads.accept(now)
    assert (receipt.status, receipt.dispatch_id, receipt.thread) == ("duplicate", event(1).id, THREAD)
    await dead_letter(threads, await claim(threads))
    receipt = await threads.accept(now)
    assert (receipt.status, receipt.dispatch_id) == ("accepted", event(1).id)
    [entry] = (await claim(threads)).entries
    assert entry.event == event(1)
    assert (await threads.accept(now)).status == "duplicate"
    assert (await threads.accept(event(1))).status == "duplicate"


async def test_our_own_message_is_not_an_event(threads: Threads) -> None:
    await threads.set_own_identities("github", ["user:7", "bot:9"])
    own = await threads.accept(event(1, identities=("user:1", "bot:9")))
    other = await threads.accept(event(2, identities=("user:9", "bot:7")))
    assert (own.status, own.reason) == ("ignored", "our own message")
    assert other.status == "accepted"
    assert await inbox(threads) == 1


async def test_a_redelivery_takes_its_event_back_from_the_dead_letters(threads: Threads) -> None:
    await accept(threads, 1)
    await dead_letter(threads, await claim(threads), {"paid": b"done"})
    receipt = await threads.accept(event(1))
    assert (receipt.status, receipt.dispatch_id) == ("accepted", event(1).id)
    assert (await threads.accept(event(1))).status == "duplicate"
    found = await claim(threads)
    assert found.entries == [Entry(event(1), {"paid": b"done"})]
    assert found.attempt == 1
    # It is still one event that was accepted.
    assert await counters(threads) == {"accepted": 1, "buried": 1, "waiting": 1}
    for key in (keys.dead_letter_times(0), keys.dead_letters(0), keys.dead_letter_payloads(0)):
        assert not await threads.database.call("EXISTS", key)


async def test_the_memory_of_a_delivery_ends(database: Database) -> None:
    threads = Threads(database, seen_days=50 / 86_400_000)
    await accept(threads, 1)

    async def forgotten() -> bool:
        return (await threads.accept(event(1))).status == "accepted"

    await until(forgotten)


async def test_an_event_of_a_claimed_thread_does_not_touch_its_lease(threads: Threads) -> None:
    await accept(threads, 1)
    await claim(threads)
    before = await threads.database.call("ZSCORE", keys.queue(0, "ready"), THREAD)
    await accept(threads, 2)
    assert await threads.database.call("ZSCORE", keys.queue(0, "ready"), THREAD) == before


@pytest.mark.parametrize(
    "broken",
    [event(2, text="\ud800"), event(2, thread="github:\udcff"), event(2, identities=("user:\ud83d",))],
)
async def test_what_cannot_be_stored_fails_alone(threads: Threads, broken: Event) -> None:
    results = await asyncio.gather(
        threads.accept(event(1)), threads.accept(broken), threads.accept(event(3)), return_exceptions=True
    )
    assert isinstance(results[1], MalformedBody)
    assert await inbox(threads) == 2


async def test_ids_of_any_text_are_stored(threads: Threads) -> None:
    for number, thread in enumerate(["github:日本:{1}", "github:a b\r\n\0c", "github:" + "x" * 5000]):
        await accept(threads, number, thread=thread)
        found = await claim(threads)
        assert found.thread == thread
        assert await threads.commit(turn(found)) == []


async def test_a_full_server_takes_nothing_new_and_stores_nothing_by_halves(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.database.call("CONFIG", "SET", "maxmemory", 1)
    try:
        before = await dump(threads.database)
        results = await asyncio.gather(*[threads.accept(event(n)) for n in (2, 3)], return_exceptions=True)
        assert [type(result) for result in results] == [StoreFull, StoreFull]
        assert await dump(threads.database) == before
        # A redelivery needs no room.
        assert (await threads.accept(event(1))).status == "duplicate"
    finally:
        await threads.database.call("CONFIG", "SET", "maxmemory", 0)
    assert (await threads.accept(event(2))).status == "accepted"


async def test_a_full_server_finishes_what_it_has(threads: Threads, outbox: Outbox) -> None:
    await accept(threads, 1, 2, 3)
    await threads.database.call("CONFIG", "SET", "maxmemory", 1)
    try:
        held = await claim(threads)
        await threads.step(step(held, "look"))
        assert await threads.extend(0, [("ready", held.thread, held.fence)], "worker") == [True]
        assert len(await threads.commit(turn(held, reply("r1")))) == 1
        await threads.release(held)
        await dead_letter(threads, await claim(threads))
        await threads.commit(turn(await claim(threads)))
        (outgoing,) = await courier(threads, outbox)
        await outbox.mark_sending(outgoing)
        await outbox.defer(outgoing, 0, retry=True)
        (outgoing,) = await courier(threads, outbox)
        assert await outbox.settle(outgoing) is None
    finally:
        await threads.database.call("CONFIG", "SET", "maxmemory", 0)
    assert await counters(threads) == {"accepted": 3, "handled": 2, "buried": 1, "failed": 1, "sent": 1}
    assert isinstance((await outbox.replies(THREAD))["r1"], Reply)


def _number(raw: bytes) -> int:
    return int(msgspec.msgpack.decode(raw, type=Entry).event.message)
