"""An idle thread is removed only as it was archived."""

from __future__ import annotations

from answerback.replies import DeadLetter
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chats import Chats
from answerback.store.threads.archives import Archives
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.repair import set_attention
from answerback.store.threads.threads import Threads
from tests.redis.archived import answered
from tests.redis.given import (
    THREAD,
    accept,
    claim,
    courier,
    inbox,
    reply,
    turn,
)


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
