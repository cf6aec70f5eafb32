"""Loops of programs: whoever reacts to every reply without a pause is counted, and people are not."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from answerback.events import Event
from answerback.messages import Author
from answerback.store import keys
from answerback.store.threads.outbox import Outbox, Outgoing
from answerback.store.threads.queues import queues
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads
from answerback.store.threads.views import thread_summary
from tests.redis.given import THREAD, claim, courier, event, reply, turn

_numbers = itertools.count(1)
BOT = Author("9", "otherbot[bot]", "bot")


def said(author: Author | None = None, thread: str = THREAD) -> Event:
    found = event(next(_numbers), thread)
    return msgspec.structs.replace(found, author=author) if author else found


async def posted(outbox: Outbox, outgoing: Outgoing) -> Outgoing | None:
    """Post a reply, at the second try. The thread's next one."""
    for _ in range(2):
        outgoing = msgspec.structs.replace(outgoing, reply=msgspec.structs.replace(outgoing.reply, state="sending"))
        await outbox.mark_sending(outgoing)
    return await outbox.settle(outgoing)


async def answered(threads: Threads, outbox: Outbox, *events: Event, send: bool = True) -> int:
    """The streak as the turn of the first event saw it; all are answered, and the replies sent."""
    for each in events:
        await threads.accept(each)
    held = await claim(threads)
    streak = held.streak
    for _ in events:
        more = await threads.commit(turn(held, reply(f"{held.entries[0].event.id}.0", held.thread)))
        held = msgspec.structs.replace(held, entries=more, position=held.position + 1)
    if send:
        for outgoing in await courier(threads, outbox):
            following: Outgoing | None = outgoing
            while following:
                following = await posted(outbox, following)
    return streak


async def test_a_reaction_to_each_reply_is_counted(threads: Threads, outbox: Outbox) -> None:
    assert [await answered(threads, outbox, said()) for _ in range(4)] == [0, 1, 2, 3]


async def test_a_person_who_says_much_at_once_is_counted_little(threads: Threads, outbox: Outbox) -> None:
    """Somebody who speaks before anything of ours is there reacts to nothing, and in a row to two replies at most."""
    await answered(threads, outbox, *[said() for _ in range(9)])
    assert await answered(threads, outbox, *[said() for _ in range(9)], send=False) == 2
    assert await answered(threads, outbox, said(), send=False) == 2


async def test_a_reaction_that_comes_before_the_platforms_answer_is_counted(threads: Threads, outbox: Outbox) -> None:
    """What a program says to our comment may reach us before the response to the request that made it."""
    for number in range(4):
        held = await _claimed(threads)
        assert held.streak == number
        await threads.commit(turn(held, reply(f"r{number}")))
        (outgoing,) = await courier(threads, outbox)
        await outbox.mark_sending(outgoing)
        await threads.accept(said())
        assert await outbox.settle(outgoing) is None
        # The reply was reacted to: what else is said before the next one is no further reaction.
        await threads.commit(turn(await claim(threads)))


async def test_two_conversations_in_one_thread_are_counted_both(threads: Threads, outbox: Outbox) -> None:
    for number in range(3):
        assert await answered(threads, outbox, said(), said()) == 2 * number


async def test_a_thread_with_a_streak_is_claimed_anew(threads: Threads, outbox: Outbox) -> None:
    """Where the inbox never gets empty, too, a worker sees what was counted since it claimed the thread."""
    for _ in range(3):
        await answered(threads, outbox, said())
    held = await _claimed(threads)
    await threads.accept(said())
    assert await threads.commit(msgspec.structs.replace(turn(held), patience=3)) == []
    assert (await claim(threads)).streak == 3


async def test_a_pause_begins_anew(threads: Threads, outbox: Outbox) -> None:
    quick = Threads(threads.database, pause=0.001)
    for _ in range(3):
        await answered(threads, outbox, said())
    held = turn(await _claimed(threads), reply("r"))
    await threads.commit(msgspec.structs.replace(held, loop="open"))
    found = await thread_summary(threads, THREAD)
    assert found is not None
    assert found.loop
    for outgoing in await courier(threads, outbox):
        await posted(outbox, outgoing)
    now = await threads.database.now()
    while await threads.database.now() < now + 3:
        pass
    assert await answered(quick, outbox, said()) == 0
    found = await thread_summary(threads, THREAD)
    assert found is not None
    assert not found.loop
    assert (await queues(threads)).loops == 1


async def test_what_is_said_and_not_answered_is_no_pause(threads: Threads, outbox: Outbox) -> None:
    await answered(threads, outbox, said())
    key = keys.thread(0, THREAD)
    before = await threads.database.call("HGET", key, "said")
    await threads.accept(said(BOT))
    assert int(await threads.database.call("HGET", key, "stirred")) >= int(before)


async def test_a_programs_own_words_are_no_reaction_but_its_turns_count(threads: Threads, outbox: Outbox) -> None:
    """A program that acknowledges each reply, unanswered, holds up nobody who talks with us beside it."""
    await answered(threads, outbox, said())
    assert await answered(threads, outbox, said(BOT)) == 0
    await threads.accept(said(BOT))
    held = await claim(threads)
    await threads.commit(msgspec.structs.replace(turn(held), loop=5))
    assert await answered(threads, outbox, said()) >= 5


async def test_threads_are_counted_apart_and_chats_not_at_all(threads: Threads, outbox: Outbox) -> None:
    for _ in range(3):
        await answered(threads, outbox, said())
    assert await answered(threads, outbox, said(thread="github:1:2")) == 0
    for _ in range(3):
        chat = msgspec.structs.replace(said(thread="chat:acme:1"), delivery=f"chat:{next(_numbers)}")
        assert await answered(threads, outbox, chat) == 0


async def test_a_loop_is_counted_once(threads: Threads) -> None:
    for _ in range(3):
        held = await _claimed(threads)
        await threads.commit(msgspec.structs.replace(turn(held), loop="open"))
    assert (await queues(threads)).loops == 1


@pytest.mark.parametrize("confirmed", [True, False])
async def test_a_reply_is_there_when_it_is_sent_or_confirmed(threads: Threads, outbox: Outbox, confirmed: bool) -> None:
    held = await _claimed(threads)
    await threads.commit(turn(held, reply("r")))
    (outgoing,) = await courier(threads, outbox)
    if confirmed:
        await outbox.mark_sending(outgoing)
        await outbox.confirm(msgspec.structs.replace(event(999), reply="r"))
    else:
        await posted(outbox, outgoing)
    await threads.accept(said())
    assert await threads.database.call("HGET", keys.thread(0, THREAD), "streak") == b"1"


async def _claimed(threads: Threads) -> Claim:
    await threads.accept(said())
    return await claim(threads)
