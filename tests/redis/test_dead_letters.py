"""Dead letters: listed, replayed, dropped; and what a redelivery does with them."""

from __future__ import annotations

import asyncio

import msgspec

from answerback.events import Entry
from answerback.replies import DeadLetter, Reply
from answerback.store import keys
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.redis.given import (
    THREAD,
    accept,
    claim,
    claim_all,
    counters,
    courier,
    dead_letter,
    event,
    inbox,
    post,
    reply,
    step,
    turn,
)


async def dead_letter_reply(threads: Threads, outbox: Outbox, key: str = "r1") -> DeadLetter:
    """A reply that its platform refused."""
    await post(threads, key)
    (outgoing,) = await courier(threads, outbox)
    failed = msgspec.structs.replace(outgoing.reply, state="failed", attempts=3, error="it is locked")
    letter = DeadLetter(id=key, kind="reply", thread=THREAD, reason="it is locked", attempts=3)
    assert await outbox.settle(msgspec.structs.replace(outgoing, reply=failed), letter) is None
    return letter


async def test_a_replayed_event_continues_after_its_finished_steps(threads: Threads, letters: DeadLetters) -> None:
    await accept(threads, 1)
    await dead_letter(threads, await claim(threads), {"look": b"done"})
    assert await letters.replay(event(1).id)
    assert (await claim(threads)).entries == [Entry(event(1), {"look": b"done"})]
    assert await letters.get(event(1).id) is None
    assert await counters(threads) == {"accepted": 1, "buried": 1, "waiting": 1}


async def test_a_fresh_replay_forgets_what_was_done(threads: Threads, letters: DeadLetters) -> None:
    await accept(threads, 1)
    await dead_letter(threads, await claim(threads), {"look": b"done"})
    assert await letters.replay(event(1).id, fresh=True)
    assert (await claim(threads)).entries == [Entry(event(1))]


async def test_a_replayed_event_queues_behind_what_waits(threads: Threads, letters: DeadLetters) -> None:
    await accept(threads, 1, 2)
    await dead_letter(threads, await claim(threads))
    assert await letters.replay(event(1).id)
    found = await claim(threads)
    assert found.entries[0].event == event(2)
    assert [entry.event for entry in await threads.commit(turn(found))] == [event(1)]


async def test_a_replay_is_done_once(threads: Threads, letters: DeadLetters) -> None:
    await accept(threads, 1)
    await dead_letter(threads, await claim(threads))
    assert await letters.replay(event(1).id)
    assert not await letters.replay(event(1).id)
    assert await inbox(threads) == 1
    assert (await threads.accept(event(1))).status == "duplicate"


async def test_replays_at_once_put_it_back_once(threads: Threads, letters: DeadLetters) -> None:
    await accept(threads, 1)
    await dead_letter(threads, await claim(threads))
    # With a connection for each at hand, all of them find the letter before the first puts its event back.
    await asyncio.gather(*[letters.get(event(1).id) for _ in range(10)])
    assert sum(await asyncio.gather(*[letters.replay(event(1).id) for _ in range(10)])) == 1
    assert await inbox(threads) == 1


async def test_a_replay_takes_a_thread_or_an_outbox_from_nobody(
    threads: Threads, outbox: Outbox, letters: DeadLetters
) -> None:
    await dead_letter_reply(threads, outbox)
    await accept(threads, 1, 2)
    await dead_letter(threads, await claim(threads))
    held = await claim(threads)
    await threads.step(step(held, "reply", reply("r2")))
    assert len(await courier(threads, outbox)) == 1
    assert await letters.replay(event(1).id)
    assert await letters.replay("r1")
    assert await claim_all(threads) == []
    assert await courier(threads, outbox) == []


async def test_a_deleted_dead_letter_is_gone_and_its_redelivery_a_duplicate(
    threads: Threads, letters: DeadLetters
) -> None:
    await accept(threads, 1)
    await dead_letter(threads, await claim(threads))
    assert await letters.delete(event(1).id)
    assert not await letters.delete(event(1).id)
    assert not await letters.replay(event(1).id)
    assert (await threads.accept(event(1))).status == "duplicate"
    assert await claim_all(threads) == []
    assert await threads.database.call("TTL", keys.seen(0, "github:1")) > 0


async def test_a_letter_that_is_not_there_is_not_replayed(letters: DeadLetters) -> None:
    assert not await letters.replay("nothing")
    assert not await letters.delete("nothing")
    assert await letters.get("nothing") is None


async def test_hundreds_of_letters_are_listed_newest_first_in_every_partition(threads: Threads) -> None:
    many = Threads(threads.database, partitions=4)
    letters = DeadLetters(many)
    for number in range(250):
        await accept(many, number, thread=f"github:1:{number}")
    for held in await claim_all(many, limit=250):
        await dead_letter(many, held)
    found = [letter async for letter in letters.list()]
    assert {letter.id for letter in found} == {event(number).id for number in range(250)}
    for p in range(4):
        times = [letter.at for letter in found if many.partitions.current.of(letter.thread) == p]
        assert times == sorted(times, reverse=True)


async def test_all_letters_can_be_replayed_while_they_are_listed(threads: Threads, letters: DeadLetters) -> None:
    for number in range(250):
        await accept(threads, number, thread=f"github:1:{number}")
    for held in await claim_all(threads, limit=250):
        await dead_letter(threads, held)
    async for letter in letters.list():
        assert await letters.replay(letter.id)
    assert len(await claim_all(threads, limit=500)) == 250


async def test_a_reply_that_failed_is_a_letter(threads: Threads, outbox: Outbox, letters: DeadLetters) -> None:
    expected = await dead_letter_reply(threads, outbox)
    found = await letters.get("r1")
    assert found is not None
    letter, grave = found
    assert msgspec.structs.replace(letter, at=0) == expected
    # What a replay posts is the reply as it was before anybody tried.
    assert grave == reply("r1")
    assert (await outbox.replies(THREAD))["r1"].state == "failed"


async def test_a_replayed_reply_is_posted_after_those_that_wait(
    threads: Threads, outbox: Outbox, letters: DeadLetters
) -> None:
    await dead_letter_reply(threads, outbox)
    await post(threads, "r2", number=901)
    assert await letters.replay("r1")
    assert not await letters.replay("r1")
    (outgoing,) = await courier(threads, outbox)
    assert outgoing.reply == reply("r2")
    following = await outbox.settle(outgoing)
    assert following is not None
    assert following.reply == reply("r1")
    assert await outbox.settle(following) is None


async def test_a_replayed_reply_whose_outbox_was_empty_is_due(
    threads: Threads, outbox: Outbox, letters: DeadLetters
) -> None:
    await dead_letter_reply(threads, outbox)
    assert await courier(threads, outbox) == []
    assert await letters.replay("r1")
    assert [outgoing.reply for outgoing in await courier(threads, outbox)] == [reply("r1")]


async def test_the_parts_of_a_reply_behind_one_that_failed_are_dead_and_replayed_with_it(
    threads: Threads, outbox: Outbox, letters: DeadLetters
) -> None:
    """Part 1 of 3 was refused for good: 2 and 3 are not posted alone. What is said beside it is."""
    await post(threads, "t.0", "t.1.0", "t.1.1", "t.1.2", "t.10.0")
    (outgoing,) = await courier(threads, outbox)
    following = await outbox.settle(outgoing)
    assert following is not None
    failed = msgspec.structs.replace(following.reply, state="failed", error="refused")
    letter = DeadLetter(id="t.1.0", kind="reply", thread=THREAD, reason="refused")
    other = await outbox.settle(msgspec.structs.replace(following, reply=failed), letter)
    assert other is not None
    assert other.reply == reply("t.10.0")
    # Said twice, it is done once.
    assert await outbox.settle(msgspec.structs.replace(following, reply=failed), letter) == other
    assert [(one.id, one.reason.startswith("refused The following parts")) async for one in letters.list()] == [
        ("t.1.0", True)
    ]
    states = {key: one.state for key, one in (await outbox.replies(THREAD)).items()}
    assert [states[f"t.1.{part}"] for part in range(3)] == ["failed"] * 3
    assert (await counters(threads))["failed replies"] == 1
    assert await letters.replay("t.1.0")
    order, head = [], await outbox.settle(other)
    while head is not None:
        order.append(head.reply)
        head = await outbox.settle(head)
    assert order == [reply("t.1.0"), reply("t.1.1"), reply("t.1.2")]


async def test_a_later_part_that_fails_leaves_those_that_were_posted(
    threads: Threads, outbox: Outbox, letters: DeadLetters
) -> None:
    await post(threads, "t.1.0", "t.1.1", "t.1.2")
    (outgoing,) = await courier(threads, outbox)
    second = await outbox.settle(msgspec.structs.replace(outgoing, reply=sent(outgoing.reply)))
    assert second is not None
    assert await outbox.settle(second, DeadLetter(id="t.1.1", kind="reply", thread=THREAD, reason="refused")) is None
    states = {key: one.state for key, one in (await outbox.replies(THREAD)).items()}
    assert (states["t.1.0"], states["t.1.2"]) == ("sent", "failed")
    assert await letters.replay("t.1.1")
    assert [one.reply.key for one in await courier(threads, outbox)] == ["t.1.1"]


def sent(reply: Reply) -> Reply:
    """The same, posted."""
    return msgspec.structs.replace(reply, state="sent")


async def test_a_deleted_dead_reply_stays_failed(threads: Threads, outbox: Outbox, letters: DeadLetters) -> None:
    await dead_letter_reply(threads, outbox)
    assert await letters.delete("r1")
    assert await letters.get("r1") is None
    assert (await outbox.replies(THREAD))["r1"].state == "failed"
    assert await courier(threads, outbox) == []
