"""commit: a turn is committed whole or not at all, once, and only by whoever holds its thread."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from answerback.errors import LeaseLost
from answerback.messages import Message
from answerback.store import keys
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from answerback.store.threads.views import thread_summary
from tests.redis.given import (
    THREAD,
    accept,
    claim,
    claim_all,
    counters,
    courier,
    dead_letter,
    dump,
    inbox,
    lapse,
    reply,
    step,
    turn,
)


async def test_a_commit_changes_everything_at_once(threads: Threads, outbox: Outbox) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    await threads.step(step(held, "look"))
    assert await threads.commit(turn(held, reply("r1"), reply("r2"), state=b"\x81")) == []
    assert await inbox(threads) == 0
    assert not await threads.database.call("EXISTS", keys.journal(0, THREAD))
    assert not await threads.database.call("EXISTS", keys.queue(0, "ready"))
    assert set(await outbox.replies(THREAD)) == {"r1", "r2"}
    assert await counters(threads) == {"accepted": 1, "handled": 1}
    await accept(threads, 2)
    after = await claim(threads)
    assert [message.text for message in after.history] == ["message 1", "yes"]
    assert (after.agent, after.state, after.attempt) == ("helper", b"\x81", 1)
    assert [sent.reply.key for sent in await courier(threads, outbox)] == ["r1"]


async def test_the_attention_of_a_thread_is_kept_until_a_turn_changes_it(threads: Threads) -> None:
    await accept(threads, 1, 2, 3)
    held = await claim(threads)
    assert held.attention == "default"
    muted = msgspec.structs.replace(turn(held, more=False), attention="muted")
    await threads.commit(muted)
    held = await claim(threads)
    assert held.attention == "muted"
    await threads.commit(turn(held, more=False))
    stale, held = held, await claim(threads)
    # It is the last commit, repeated.
    assert await threads.commit(msgspec.structs.replace(turn(stale), attention="subscribed")) == []
    assert held.attention == "muted"
    summary = await thread_summary(threads, THREAD)
    assert summary is not None
    assert summary.attention == "muted"
    await threads.commit(msgspec.structs.replace(turn(held), attention="default"))
    await accept(threads, 4)
    assert (await claim(threads)).attention == "default"


async def test_the_next_events_come_with_the_answer_under_the_same_lease(threads: Threads) -> None:
    await accept(threads, 1, 2)
    held = await claim(threads)
    (entry,) = await threads.commit(turn(held))
    assert entry.event.message == "2"
    assert await claim_all(threads) == []
    held.entries, held.position = [entry], held.position + 1
    assert await threads.commit(turn(held)) == []


async def test_a_thread_released_with_events_is_ready_for_any_worker(threads: Threads) -> None:
    await accept(threads, 1, 2)
    assert await threads.commit(turn(await claim(threads), more=False)) == []
    assert (await claim(threads, owner="other")).entries[0].event.message == "2"


async def test_a_commit_after_the_lease_was_lost_changes_nothing(threads: Threads) -> None:
    await accept(threads, 1, 2)
    late = await claim(threads)
    await lapse(threads)
    await claim(threads, owner="heir")
    before = await dump(threads.database)
    for more in (True, False):
        with pytest.raises(LeaseLost):
            await threads.commit(turn(late, reply("r1"), more=more, state=b"\x80"))
    with pytest.raises(LeaseLost):
        await threads.step(step(late, "look", reply("r2")))
    with pytest.raises(LeaseLost):
        await threads.release(late)
    with pytest.raises(LeaseLost):
        await dead_letter(threads, late)
    assert await threads.extend(0, [("ready", late.thread, late.fence)], "worker") == [False]
    assert await dump(threads.database) == before


async def test_a_workers_own_late_commit_is_refused(threads: Threads) -> None:
    """Its lease was lost, and it claimed the thread again: what the first turn says counts no more."""
    await accept(threads, 1)
    late = await claim(threads)
    await lapse(threads)
    again = await claim(threads)
    with pytest.raises(LeaseLost):
        await threads.commit(turn(late, reply("r1")))
    await threads.commit(turn(again))


async def test_a_lease_that_ran_out_is_good_while_nobody_claimed_it(threads: Threads) -> None:
    await accept(threads, 1)
    slow = await claim(threads)
    await lapse(threads)
    assert await threads.commit(turn(slow)) == []
    assert await counters(threads) == {"accepted": 1, "handled": 1}


@pytest.mark.parametrize("more", [True, False])
async def test_a_commit_said_again_is_done_once_and_answered_alike(threads: Threads, more: bool) -> None:
    await accept(threads, 1, 2)
    commit = turn(await claim(threads), reply("r1"), more=more)
    first = await threads.commit(commit)
    before = await dump(threads.database)
    assert await threads.commit(commit) == first
    assert len(first) == more
    assert await dump(threads.database) == before


async def test_a_commit_said_again_hands_over_no_more_than_the_first_time(threads: Threads) -> None:
    wide = Threads(threads.database, window=10)
    await accept(wide, 1, 2)
    commit = turn(await claim(wide))
    first = await wide.commit(commit)
    await accept(wide, 3)
    # What a turn was handed can no longer be amended; what it was not handed can.
    assert await wide.commit(commit) == first


async def test_a_commit_said_again_is_no_lost_lease_when_another_worker_has_the_next_event(threads: Threads) -> None:
    await accept(threads, 1)
    commit = turn(await claim(threads))
    assert await threads.commit(commit) == []
    await accept(threads, 2)
    other = await claim(threads, owner="other")
    before = await dump(threads.database)
    assert await threads.commit(commit) == []
    assert await dump(threads.database) == before
    await threads.commit(turn(other))


async def test_a_commit_that_was_long_on_its_way_is_refused(threads: Threads) -> None:
    await accept(threads, 1, 2, 3)
    held = await claim(threads)
    first = turn(held, reply("r1"))
    held.entries, held.position = await threads.commit(first), held.position + 1
    held.entries, held.position = await threads.commit(turn(held)), held.position + 1
    before = await dump(threads.database)
    with pytest.raises(LeaseLost):
        await threads.commit(first)
    assert await dump(threads.database) == before
    assert held.entries[0].event.message == "3"


async def test_a_commit_that_arrives_after_its_thread_was_handed_back_is_refused(threads: Threads) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    await threads.release(held, "handed back")
    before = await dump(threads.database)
    with pytest.raises(LeaseLost):
        await threads.commit(turn(held))
    with pytest.raises(LeaseLost):
        await dead_letter(threads, held)
    with pytest.raises(LeaseLost):
        await threads.step(step(held, "look"))
    assert await dump(threads.database) == before


async def test_a_step_that_was_long_on_its_way_stays_out_of_the_next_turn(threads: Threads) -> None:
    await accept(threads, 1, 2)
    held = await claim(threads)
    late = step(held, "look", reply("r1"))
    await threads.commit(turn(held))
    with pytest.raises(LeaseLost):
        await threads.step(late)
    assert not await threads.database.call("EXISTS", keys.journal(0, THREAD))


async def test_a_reply_that_a_step_put_into_the_outbox_is_not_put_there_again(threads: Threads, outbox: Outbox) -> None:
    await accept(threads, 1)
    held = await claim(threads)
    await threads.step(step(held, "reply", reply("r1")))
    await threads.step(step(held, "reply", reply("r1")))
    (outgoing,) = await courier(threads, outbox)
    outgoing = msgspec.structs.replace(outgoing, reply=msgspec.structs.replace(outgoing.reply, state="sent"))
    assert await outbox.settle(outgoing) is None
    await threads.step(step(held, "reply", reply("r1")))
    await threads.commit(turn(held, reply("r1"), reply("r2")))
    assert (await outbox.replies(THREAD))["r1"].state == "sent"
    assert await threads.database.call("LRANGE", keys.unsent(0, THREAD), 0, -1) == [b"r2"]


async def test_a_turn_with_thousands_of_messages_is_committed_whole(threads: Threads) -> None:
    await accept(threads, 1)
    commit = turn(await claim(threads))
    many = [Message(role="assistant", text=str(number)) for number in range(9000)]
    await threads.commit(msgspec.structs.replace(commit, messages=many))
    assert await threads.database.call("LLEN", keys.history(0, THREAD)) == 9000


async def test_turns_committed_together_stand_and_fall_alone(threads: Threads) -> None:
    ids = [f"github:1:{number}" for number in range(40)]
    for number, id in enumerate(ids):
        await accept(threads, number, thread=id)
    claims = {found.thread: found for found in await claim_all(threads)}
    for id in ids[::2]:
        await lapse(threads, thread=id)
    heirs = await claim_all(threads, owner="heir")
    assert len(heirs) == 20
    broken = msgspec.structs.replace(turn(claims[ids[1]]), messages=[Message(role="user", text="\udc80")])
    commits = [turn(claims[id]) for id in ids]
    commits[1] = broken
    results = await asyncio.gather(*[threads.commit(commit) for commit in commits], return_exceptions=True)
    assert all(isinstance(result, LeaseLost) for result in results[::2])
    assert isinstance(results[1], UnicodeEncodeError)
    assert results[3::2] == [[]] * 19
    assert (await counters(threads))["handled"] == 19


async def test_a_success_clears_the_error_and_the_attempts_before_it(threads: Threads) -> None:
    await accept(threads, 1, 2)
    await threads.release(await claim(threads), error="the model is down")
    found = await claim(threads)
    assert found.attempt == 2
    await threads.commit(turn(found, more=False))
    assert await threads.database.call("HMGET", keys.thread(0, THREAD), "error", "attempts") == [b"", b"0"]
    assert (await claim(threads)).attempt == 1
