"""amend: an edited or deleted message changes its event while that waits, and never after."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from answerback.errors import MalformedBody
from answerback.events import Amendment
from answerback.messages import Author, Message
from answerback.store import decode, keys
from answerback.store.threads.archives import Archives
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.receipt import Receipt
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, accept, claim, claim_all, counters, dead_letter, event, inbox, lapse, step, turn


async def amend(threads: Threads, message: int, text: str | None, thread: str = THREAD) -> Receipt:
    return await threads.amend(
        Amendment(delivery=f"github:edit-{message}-{text}", thread=thread, message=str(message), text=text)
    )


async def test_an_edit_changes_the_event_that_waits(threads: Threads) -> None:
    await accept(threads, 1, 2)
    receipt = await amend(threads, 2, "better")
    assert (receipt.status, receipt.reason) == ("accepted", "changed a waiting event")
    found = await claim(threads)
    assert found.entries[0].event == event(1)
    assert [entry.event for entry in await threads.commit(turn(found))] == [event(2, text="better")]


async def test_a_deletion_takes_the_event_that_waits_back(threads: Threads) -> None:
    await accept(threads, 1, 2, 3)
    assert (await amend(threads, 2, None)).reason == "removed a waiting event"
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


async def test_the_history_is_as_people_see_it(threads: Threads) -> None:
    async def said() -> list[tuple[str, str]]:
        history = await threads.database.call("LRANGE", keys.history(0, THREAD), 0, -1)
        return [(message.role, message.text) for message in map(decode.message, history)]

    await accept(threads, 1)
    held = await claim(threads)
    question = Message(role="user", text="first", turn="t", author=Author("1"), message="1")
    messages = [question, Message(role="assistant", text="yes", turn="t")]
    await threads.commit(msgspec.structs.replace(turn(held, more=False), messages=messages))
    assert (await amend(threads, 1, "better")).reason == "changed the history"
    assert await said() == [("user", "better"), ("assistant", "yes")]
    # An edit that is an event of its own changes nothing: the agent is to see both.
    edit = msgspec.structs.replace(event(3), message="1", edited="text")
    told = Amendment(delivery="github:told", thread=THREAD, message="1", text="best", edit=edit)
    assert (await threads.amend(told)).reason != "changed the history"
    held = await claim(threads)
    assert (await amend(threads, 1, "while a turn runs")).status == "ignored"
    await threads.commit(msgspec.structs.replace(turn(held, more=False), messages=[]))
    # However many times it is delivered; and what is deleted is gone for agents, too.
    assert [(await amend(threads, 1, None)).status for _ in "12"] == ["accepted", "accepted"]
    assert await said() == [("user", "(This message was deleted.)"), ("assistant", "yes")]
    assert (await amend(threads, 1, "again")).status == "ignored"
    assert (await said())[0] == ("user", "(This message was deleted.)")


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
    threads: Threads, letters: DeadLetters
) -> None:
    await accept(threads, 1, 2)
    await dead_letter(threads, await claim(threads), {"look": b"done"})
    await dead_letter(threads, await claim(threads))
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


# Before its message


async def test_a_deletion_that_comes_before_its_message_takes_it_back(threads: Threads) -> None:
    """A deletion is delivered before (a redelivery of) the message: what is gone is not answered."""
    assert (await amend(threads, 1, None)).status == "ignored"
    await amend(threads, 1, "too late")
    receipt = await threads.accept(event(1))
    assert (receipt.status, receipt.reason) == ("ignored", "its message was deleted before it arrived")
    assert (await threads.accept(event(1))).status == "ignored"
    assert await inbox(threads) == 0
    assert (await threads.accept(event(2))).status == "accepted"
    assert (await threads.accept(event(1, thread="github:1:2"))).status == "accepted"


async def test_an_edit_that_comes_before_its_message_changes_it(threads: Threads) -> None:
    await amend(threads, 1, "better")
    await amend(threads, 1, "best")
    assert (await threads.accept(event(1))).status == "accepted"
    assert (await threads.accept(event(1))).status == "duplicate"
    held = await claim(threads)
    assert held.entries[0].event == event(1, text="best")


async def test_an_edit_that_comes_after_a_later_one_changes_nothing(threads: Threads) -> None:
    """Redelivered, say. What waits, and what comes later, has the words of the latest edit."""

    async def edit(message: int, text: str, at: int) -> str | None:
        amendment = Amendment(delivery=f"github:{at}", thread=THREAD, message=str(message), text=text, at=at)
        return (await threads.amend(amendment)).reason

    await accept(threads, 1)
    assert await edit(1, "best", 3000) == "changed a waiting event"
    assert await edit(1, "better", 2000) == "a later edit arrived first"
    assert await edit(2, "best", 3000)
    assert await edit(2, "better", 2000) == "a later edit arrived first"
    await accept(threads, 2)
    wide = Threads(threads.database, window=100)
    assert [entry.event.text for entry in (await claim(wide)).entries] == ["best", "best"]
    assert await edit(1, "at the same second", 3000) != "a later edit arrived first"


async def test_a_dead_letter_whose_message_was_deleted_is_not_taken_back_by_a_redelivery(threads: Threads) -> None:
    await accept(threads, 1)
    await dead_letter(threads, await claim(threads))
    await amend(threads, 1, None)
    assert (await threads.accept(event(1))).status == "duplicate"
    assert await claim_all(threads) == []
    assert [letter.id async for letter in DeadLetters(threads).list()] == [event(1).id]


async def test_what_is_remembered_of_a_thread_goes_with_it_and_after_days(threads: Threads) -> None:
    await accept(threads, 1)
    await amend(threads, 2, "a secret")
    key = keys.amendments(0, THREAD)
    assert 0 < await threads.database.call("PTTL", key) <= 3 * 86_400_000
    await Archives(threads).purge(THREAD)
    assert not await threads.database.call("EXISTS", key)


async def test_events_that_come_at_once_each_find_their_own_edit(threads: Threads) -> None:
    for number in range(0, 40, 2):
        await amend(threads, number, f"better {number}")
    await asyncio.gather(*[threads.accept(event(number)) for number in range(40)])
    wide = Threads(threads.database, window=100)
    texts = {entry.event.message: entry.event.text for entry in (await claim(wide)).entries}
    assert texts == {str(n): f"better {n}" if n % 2 == 0 else f"message {n}" for n in range(40)}


# A mention that an edit adds


def mention(message: int) -> Amendment:
    heard = msgspec.structs.replace(
        event(message, text="@us better"), delivery=f"github:{message}:us", mentions=("us",), edited="mention"
    )
    return Amendment(
        delivery=f"github:edit-{message}", thread=THREAD, message=str(message), text="@us better", mentions=("us",),
        event=heard,
    )  # fmt: skip


async def test_an_edit_that_adds_a_mention_to_what_was_handled_is_an_event_once(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.commit(turn(await claim(threads)))
    receipt = await threads.amend(mention(1))
    assert (receipt.status, receipt.reason) == ("accepted", "an edit added a mention")
    assert (await threads.amend(mention(1))).reason == "changed a waiting event"
    held = await claim(threads)
    assert (held.entries[0].event.text, held.entries[0].event.edited) == ("@us better", "mention")
    await threads.commit(turn(held))
    assert (await threads.amend(mention(1))).status == "duplicate"


@pytest.mark.parametrize(("mentions", "heard"), [(("us", "ada"), True), (("ada",), False)])
async def test_a_mention_whose_edit_comes_late_is_heard_while_it_stands(
    threads: Threads, mentions: tuple[str, ...], heard: bool
) -> None:
    await accept(threads, 1)
    await threads.commit(turn(await claim(threads)))
    later = Amendment(delivery="github:l", thread=THREAD, message="1", text="now", mentions=mentions, at=3000)
    await threads.amend(later)
    receipt = await threads.amend(msgspec.structs.replace(mention(1), at=2000))
    assert (receipt.status == "accepted") is heard
    if heard:
        (entry,) = (await claim(threads)).entries
        assert (entry.event.text, entry.event.mentions) == ("now", ("us",))


async def test_an_edit_that_adds_a_mention_to_what_waits_changes_that(threads: Threads) -> None:
    await accept(threads, 1)
    assert (await threads.amend(mention(1))).reason == "changed a waiting event"
    held = await claim(threads)
    assert [(entry.event.mentions, entry.event.edited) for entry in held.entries] == [(("us",), "")]
    assert await threads.commit(turn(held)) == []


async def test_a_message_that_comes_after_its_edit_was_heard_says_so(threads: Threads) -> None:
    await threads.amend(mention(1))
    await accept(threads, 1)
    held = await claim(threads)
    (entry,) = await threads.commit(turn(held))
    assert (entry.event.edited, entry.event.text) == ("earlier", "@us better")


async def test_an_edit_of_an_answered_message_is_an_event_where_agents_are_told_of_edits(threads: Threads) -> None:
    await accept(threads, 1)
    found = await claim(threads)
    edit = msgspec.structs.replace(event(1, text="better"), delivery="github:edit", edited="text")
    amendment = Amendment(delivery="github:edit", thread=THREAD, message="1", text="better", edit=edit)
    for _ in range(2):  # a redelivery changes it to what it is
        assert (await threads.amend(amendment)).status == "accepted"
    entries = await threads.commit(turn(found))
    assert [entry.event for entry in entries] == [edit]
    # While that waits, a later edit changes it.
    later = msgspec.structs.replace(edit, delivery="github:later", text="best")
    await accept(threads, 2)
    again = msgspec.structs.replace(amendment, delivery="github:later", text="best", edit=later)
    assert (await threads.amend(again)).status == "accepted"
