"""Archives of threads: read, and put back elsewhere."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from answerback.archive import line, parse
from answerback.errors import LeaseLost
from answerback.store import keys
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chats import Chats
from answerback.store.threads.archives import Archives
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
    reply,
    turn,
)


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
