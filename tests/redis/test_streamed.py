"""A reply that is shown while it is written: who holds the thread knows what is shown, and nobody else changes it."""

from __future__ import annotations

import msgspec
import pytest

from answerback.errors import LeaseLost
from answerback.events import Entry
from answerback.notifications import ReplyStatus
from answerback.replies import ShownMessage, StreamedReply
from answerback.store import keys
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.records import Claim, Step
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, accept, claim, courier, dump, lapse, letter, post, reply, turn
from worker.turns.shown_replies import concluded

SHOWN = ShownMessage(key="t.0", message="m1", open=True).showing("It is")


def streamed(*messages: ShownMessage) -> StreamedReply:
    """A reply that these messages show."""
    return StreamedReply("t.0", {"issue": 1}, messages=messages)


async def shown(threads: Threads, *messages: ShownMessage) -> Claim:
    """A claim whose turn has shown something."""
    await accept(threads, 1)
    held = await claim(threads)
    held.streamed = streamed(*messages)
    assert await threads.show(held, held.streamed, first=True)
    return held


async def test_the_next_worker_knows_what_is_shown(threads: Threads) -> None:
    held = await shown(threads, SHOWN)
    more = SHOWN.unsure()
    assert await threads.show(held, streamed(more, ShownMessage(key="t.0.1", begun=5)))
    await lapse(threads)
    again = await claim(threads, owner="another")
    assert again.streamed == streamed(more, ShownMessage(key="t.0.1", begun=5))


async def test_a_request_is_recorded_with_a_new_lease(threads: Threads) -> None:
    held = await shown(threads, SHOWN)
    await lapse(threads)
    await threads.show(held, streamed(SHOWN))
    assert not (await threads.reserve(0, "ready", 10)).threads


async def test_nothing_is_shown_by_a_worker_that_lost_its_lease(threads: Threads) -> None:
    held = await shown(threads, SHOWN)
    await lapse(threads)
    await claim(threads, owner="another")
    before = await dump(threads.database)
    with pytest.raises(LeaseLost):
        await threads.show(held, streamed(SHOWN.unsure()))
    assert await dump(threads.database) == before


async def test_nothing_is_shown_of_a_turn_that_has_ended(threads: Threads) -> None:
    held = await shown(threads, SHOWN)
    await accept(threads, 2)
    assert await threads.commit(turn(held, *concluded(held, [reply("t.0")])))
    with pytest.raises(LeaseLost):
        await threads.show(held, streamed(SHOWN))


async def test_nothing_is_shown_before_earlier_replies(threads: Threads) -> None:
    await post(threads, "r1")
    await accept(threads, 1)
    held = await claim(threads)
    before = await dump(threads.database)
    assert not await threads.show(held, streamed(SHOWN), first=True)
    assert await dump(threads.database) == before
    assert await threads.show(held, streamed(SHOWN))


async def test_a_commit_leaves_the_rest_to_the_outbox(threads: Threads, outbox: Outbox) -> None:
    held = await shown(threads, SHOWN, ShownMessage(key="t.0.1", since=7, begun=8), SHOWN)
    await threads.commit(turn(held, *concluded(held, [reply("t.0"), reply("t.0.1")])))
    assert await threads.database.call("HGET", keys.thread(0, THREAD), "streamed") is None
    (first,) = await courier(threads, outbox)
    assert (first.reply.state, first.reply.message, first.reply.shown) == ("streaming", "m1", SHOWN)
    replies = await outbox.replies(THREAD)
    second, removed = replies["t.0.1"], replies[f"t.0.{held.fence}-2"]
    assert (second.message, second.unknown, second.first) == ("", 7, 8)
    assert (removed.text, removed.shown, removed.address) == ("", SHOWN, {"issue": 1})


async def test_a_reply_in_the_middle_of_a_turn_is_what_becomes_of_what_was_shown(
    threads: Threads, outbox: Outbox
) -> None:
    held = await shown(threads, SHOWN)
    await threads.step(Step(THREAD, held.fence, held.owner, 0, "look", b"done"))
    assert await threads.database.call("HGET", keys.thread(0, THREAD), "streamed")
    told = concluded(held, [reply("t.0")])
    await threads.step(Step(THREAD, held.fence, held.owner, 0, "reply", b"done", told, concludes=True))
    await lapse(threads)
    assert (await claim(threads, owner="another")).streamed is None
    (first,) = await courier(threads, outbox)
    assert first.reply.shown == SHOWN


async def test_what_a_failed_turn_has_shown_is_removed(threads: Threads, outbox: Outbox) -> None:
    held = await shown(threads, SHOWN)
    entry = Entry(held.entries[0].event)
    await threads.dead_letter(held, letter(held), entry, replies=concluded(held, []))
    (removed,) = await courier(threads, outbox)
    assert (removed.reply.text, removed.reply.shown) == ("", SHOWN)
    await accept(threads, 2)
    assert (await claim(threads)).streamed is None


async def test_an_attempt_that_failed_leaves_what_it_has_shown_to_the_next(threads: Threads, outbox: Outbox) -> None:
    held = await shown(threads, SHOWN)
    await threads.release(held)
    assert await courier(threads, outbox) == []
    await lapse(threads)
    assert (await claim(threads)).streamed == streamed(SHOWN)


async def test_an_interrupted_turn_leaves_what_it_said(threads: Threads, outbox: Outbox) -> None:
    held = await shown(threads, SHOWN)
    await threads.release(held, "interrupted", replies=concluded(held, [reply("t.0", text="It is so")]))
    (said,) = await courier(threads, outbox)
    assert (said.reply.text, said.reply.shown) == ("It is so", SHOWN)
    assert (await claim(threads)).streamed is None


async def test_removals_of_two_attempts_are_two_replies(threads: Threads, outbox: Outbox) -> None:
    held = await shown(threads, SHOWN)
    found: set[str] = set()
    for _ in range(2):
        found |= {one.key for one in concluded(held, [])}
        await lapse(threads)
        held = await claim(threads)
    assert len(found) == 2


@pytest.mark.parametrize("state", ["streaming", "sending"])
async def test_an_echo_settles_no_reply_that_may_not_be_complete(threads: Threads, outbox: Outbox, state: str) -> None:
    held = await shown(threads, SHOWN)
    (told,) = concluded(held, [reply("t.0")])
    await threads.commit(turn(held, msgspec.structs.replace(told, state=state)))
    assert not await outbox.report(ReplyStatus(delivery="d", thread=THREAD, reply="t.0", message="m1"))
    assert (await courier(threads, outbox))[0].reply.state == state
