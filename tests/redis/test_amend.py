"""amend: an edited or deleted message changes its event while that waits, and never after."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from answerback.errors import MalformedBody
from answerback.messages import Amendment
from answerback.store import Letters, Receipt, Threads, keys
from tests.redis.given import THREAD, accept, bury, claim, claim_all, counters, event, inbox, lapse, step, turn


async def amend(threads: Threads, message: int, text: str | None, thread: str = THREAD) -> Receipt:
    return await threads.amend(
        Amendment(delivery=f"github:edit-{message}-{text}", thread=thread, message=str(message), text=text)
    )


async def test_an_edit_changes_the_event_that_waits(threads: Threads) -> None:
    await accept(threads, 1, 2)
    receipt = await amend(threads, 2, "better")
    assert (receipt.status, receipt.reason) == ("accepted", "amended a waiting event")
    found = await claim(threads)
    assert found.entries[0].event == event(1)
    assert [entry.event for entry in await threads.commit(turn(found))] == [event(2, text="better")]


async def test_a_deletion_takes_the_event_that_waits_back(threads: Threads) -> None:
    await accept(threads, 1, 2, 3)
    assert (await amend(threads, 2, None)).reason == "took a waiting event back"
    found = await claim(threads)
    assert [entry.event.message for entry in await threads.commit(turn(found))] == ["3"]
    assert await counters(threads) == {"accepted": 3, "handled": 1, "waiting": 1}


async def test_a_thread_without_events_is_ready_for_nothing(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.release(await claim(threads), delay=60)
    await amend(threads, 1, None)
    assert await claim_all(threads) == []
    for key in (keys.queue(0, "ready"), keys.retrying(0, "ready"), keys.inbox(0, THREAD)):
        assert not await threads.database.call("EXISTS", key)
    # What is taken back stays known: its redelivery is none.
    assert (await threads.accept(event(1))).status == "duplicate"


async def test_the_attempts_of_an_event_go_with_it(threads: Threads) -> None:
    await accept(threads, 1, 2)
    await threads.release(await claim(threads), error="no answer")
    await amend(threads, 1, None)
    found = await claim(threads)
    assert (found.entries[0].event, found.attempt) == (event(2), 1)


async def test_an_event_that_is_being_answered_stays_as_it_is(threads: Threads) -> None:
    await accept(threads, 1, 2)
    held = await claim(threads)
    assert (await amend(threads, 1, "better")).status == "ignored"
    assert (await amend(threads, 1, None)).status == "ignored"
    assert (await amend(threads, 2, "better")).status == "accepted"
    (entry,) = await threads.commit(turn(held))
    assert entry.event.text == "better"
    assert (await amend(threads, 2, "best")).status == "ignored"
    assert (await amend(threads, 1, "better")).status == "ignored"


async def test_a_dead_workers_event_stays_as_it_is(threads: Threads) -> None:
    await accept(threads, 1)
    await claim(threads)
    await lapse(threads)
    assert (await amend(threads, 1, "better")).status == "ignored"


async def test_a_failed_event_may_be_amended_unless_something_was_done_for_it(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.release(await claim(threads))
    assert (await amend(threads, 1, "better")).status == "accepted"
    held = await claim(threads)
    await threads.step(step(held, "look"))
    await threads.release(held)
    assert (await amend(threads, 1, "best")).status == "ignored"
    assert (await claim(threads)).entries[0].event.text == "better"


async def test_a_replayed_event_may_be_amended_unless_something_was_done_for_it(
    threads: Threads, letters: Letters
) -> None:
    await accept(threads, 1, 2)
    await bury(threads, await claim(threads), {"look": b"done"})
    await bury(threads, await claim(threads))
    await letters.replay(event(1).id)
    await letters.replay(event(2).id)
    assert (await amend(threads, 1, "better")).status == "ignored"
    assert (await amend(threads, 2, "better")).status == "accepted"


async def test_edits_at_once_are_all_applied(threads: Threads) -> None:
    await accept(threads, *range(20))
    await asyncio.gather(*[amend(threads, number, f"better {number}") for number in range(20) for _ in range(3)])
    wide = Threads(threads.database, window=100)
    assert [entry.event.text for entry in (await claim(wide)).entries] == [f"better {number}" for number in range(20)]


async def test_two_events_of_one_message_are_both_changed(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.accept(msgspec.structs.replace(event(2), message="1"))
    await amend(threads, 1, None)
    assert await inbox(threads) == 0


async def test_an_edit_that_finds_its_event_claimed_meanwhile_ends(threads: Threads) -> None:
    await accept(threads, *range(50))

    async def work() -> None:
        held = await claim(threads)
        while held.entries:
            held.entries = await threads.commit(turn(held))
            held.position += 1

    await asyncio.gather(work(), *[amend(threads, number, "better") for number in range(50)])
    assert await counters(threads) == {"accepted": 50, "handled": 50}


async def test_an_edit_that_cannot_be_stored_is_refused(threads: Threads) -> None:
    await accept(threads, 1)
    with pytest.raises(MalformedBody):
        await amend(threads, 1, "\ud800")
