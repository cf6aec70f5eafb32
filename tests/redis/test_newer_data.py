"""What newer code wrote before it was rolled back: shown as such, dead-lettered alone and unchanged, and replayable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from answerback.codec import encode
from answerback.errors import NewerData
from answerback.events import Amendment, Entry
from answerback.replies import DeadLetter
from answerback.steps import Record
from answerback.store import decode, keys
from answerback.store.chats.answers import answer
from answerback.store.decode import Unreadable, UnreadableReply, decode_entry
from answerback.store.fleet import keys as fleet_keys
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.threads.archives import Archives
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads
from answerback.store.threads.turns import turn_state
from answerback.store.threads.views import transcript
from tests.redis.given import THREAD, accept, claim, claim_all, courier, event, inbox, post, turn
from worker.turns.dead_letters import unreadable_letter

OTHER = "github:1:2"


def newer(known: object) -> bytes:
    """What newer code makes of something: an author that is no map any more, and words of its own."""
    found: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(known))
    if "event" in found:
        found["event"]["author"] = ["583231", "octocat"]
    else:
        found["text"] = [found.get("text", "")]
    return msgspec.msgpack.encode(found)


async def write(threads: Threads, raw: bytes) -> None:
    """Put these bytes in the place of the thread's first waiting entry."""
    await threads.database.call("LSET", keys.inbox(0, THREAD), 0, raw)


async def dead_letter(threads: Threads, held: Claim) -> DeadLetter:
    """As a worker does it."""
    (found,) = held.entries
    assert isinstance(found, Unreadable)
    letter, entry = unreadable_letter(held, found)
    await threads.dead_letter(held, letter, entry, handled=len(entry.raw))
    return letter


@pytest.fixture
def update(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The newer code comes back."""
    old = decode_entry

    def read(raw: bytes) -> Entry:
        found = msgspec.msgpack.decode(raw)
        if isinstance(found["event"]["author"], list):
            found["event"]["author"] = dict(zip(("id", "name"), found["event"]["author"], strict=True))
        return old(msgspec.msgpack.encode(found))

    return lambda: monkeypatch.setattr(decode, "decode_entry", read)


@pytest.mark.parametrize(
    "raw", [newer(Entry(event(1))), b"\xc1 no MessagePack at all", b""], ids=["newer", "other", "empty"]
)
async def test_an_entry_is_dead_lettered_alone(
    threads: Threads, letters: DeadLetters, raw: bytes, update: Callable[[], None]
) -> None:
    await accept(threads, 1, 2)
    for number in range(10, 20):
        await accept(threads, number, thread=f"github:1:{number}")
    await write(threads, raw)
    claims = {held.thread: held for held in await claim_all(threads)}
    assert len(claims) == 11
    for id, held in claims.items():
        assert isinstance(held.entries[0], Unreadable) == (id == THREAD)
    letter = await dead_letter(threads, claims[THREAD])
    assert "newer version" in letter.reason
    assert (await claim(threads)).events == [event(2)], "the thread goes on with the next"
    assert [found.id async for found in letters.list()] == [letter.id]
    found = await letters.get(letter.id)
    assert found is not None
    assert found[0].unreadable
    with pytest.raises(ValueError, match="update it first"):
        await letters.replay(letter.id)
    assert (await threads.accept(event(1))).status == "duplicate"
    if raw == newer(Entry(event(1))):
        assert letter.id == event(1).id
        update()
        assert await letters.replay(letter.id)
        assert await threads.database.call("LRANGE", keys.inbox(0, THREAD), 1, 1) == [
            msgspec.msgpack.encode(Entry(event(1)))
        ]
    else:
        assert await letters.delete(letter.id)
    assert await letters.get(letter.id) is None


async def test_an_entry_behind_others_does_not_disturb_them(threads: Threads) -> None:
    await accept(threads, 1, 2)
    held = await claim(threads)
    await threads.database.call("LSET", keys.inbox(0, THREAD), 1, newer(Entry(event(2))))
    await threads.take_more_events(held, 10, interruptible=False)
    assert [isinstance(found, Unreadable) for found in held.entries] == [False, True]
    held.entries = await threads.commit(turn(held))
    held.position += 1
    await dead_letter(threads, held)
    assert await inbox(threads) == 0


async def test_what_was_done_is_kept_with_the_entry(
    threads: Threads, letters: DeadLetters, update: Callable[[], None]
) -> None:
    await accept(threads, 1)
    await write(threads, newer(Entry(event(1))))
    done = encode(Record("done", 0, encode("paid")))
    await threads.database.call("HSET", keys.journal(0, THREAD), "charge#1", done)
    letter = await dead_letter(threads, await claim(threads))
    assert letter.done == ("charge#1",)
    update()
    assert await letters.replay(letter.id)
    assert (await claim(threads)).entries == [Entry(event(1), {"charge#1": done})]


async def test_no_turn_is_run_on_a_history_that_cannot_be_read(threads: Threads, letters: DeadLetters) -> None:
    await accept(threads, 1)
    await threads.database.call("RPUSH", keys.history(0, THREAD), newer({"role": "user", "text": "hello"}))
    letter = await dead_letter(threads, await claim(threads))
    assert letter.id == event(1).id
    found = await letters.get(letter.id)
    assert found is not None
    assert found[1] == Entry(event(1))


async def test_a_reply_is_dead_lettered_as_it_is(threads: Threads, letters: DeadLetters, outbox: Outbox) -> None:
    await post(threads, "r1", "r2")
    name = keys.outbox(0, THREAD)
    raw = newer(msgspec.msgpack.decode(await threads.database.call("HGET", name, "r1")))
    await threads.database.call("HSET", name, "r1", raw)
    (outgoing,) = await courier(threads, outbox)
    assert isinstance(outgoing.reply, UnreadableReply)
    assert outgoing.reply.key == "r1"
    letter = DeadLetter(id="r1", kind="reply", thread=THREAD, reason="newer", unreadable=True)
    failed = msgspec.structs.replace(outgoing, reply=msgspec.structs.replace(outgoing.reply, state="failed"))
    following = await outbox.settle(failed, letter)
    assert following is not None
    assert following.reply.key == "r2"
    with pytest.raises(ValueError, match="update it first"):
        await letters.replay("r1")
    assert await threads.database.call("HGET", keys.dead_letter_payloads(0), "r1") == raw
    assert (await outbox.replies(THREAD))["r1"].state == "failed"


async def test_everything_can_be_looked_at(threads: Threads, letters: DeadLetters, outbox: Outbox) -> None:
    await post(threads, "r1")
    await accept(threads, 1)
    for name in (keys.history(0, THREAD), keys.inbox(0, THREAD)):
        raw = await threads.database.call("LINDEX", name, 0)
        await threads.database.call("LSET", name, 0, newer(msgspec.msgpack.decode(raw)))
    await threads.database.call("HSET", keys.outbox(0, THREAD), "r1", b"\xc1")
    await threads.database.call("HSET", fleet_keys.workers(), "newer", b"\xc1")
    found = await transcript(threads, THREAD)
    assert found is not None
    assert [message.text for message in found.messages] == [decode.NOTICE, "yes"]
    assert [waiting.text for waiting in found.waiting] == ["message 1"]
    state = await turn_state(letters, threads, THREAD, event(1).id)
    assert state is not None
    assert state.state == "waiting"
    assert await answer(threads, THREAD, event(1).id) is None
    assert await WorkerRegistry(threads.database).workers() == []
    edited = Amendment(delivery="github:edit", thread=THREAD, message="1", text="better")
    assert (await threads.amend(edited)).status == "ignored"
    with pytest.raises(NewerData, match="update"):
        await Archives(threads).read(THREAD)


async def test_a_dead_letter_of_newer_code_is_listed(threads: Threads, letters: DeadLetters) -> None:
    await threads.database.call("ZADD", keys.dead_letter_times(0), 1, "d1")
    await threads.database.call(
        "HSET", keys.dead_letters(0), "d1", msgspec.msgpack.encode({"id": "d1", "reason": "too late"})
    )
    await threads.database.call("HSET", keys.dead_letter_payloads(0), "d1", msgspec.msgpack.encode(Entry(event(1))))
    (found,) = [letter async for letter in letters.list()]
    assert found.reason.startswith("too late (written by a newer version")
    assert await Archives(threads).purge(OTHER) is None
    with pytest.raises(ValueError, match="update it first"):
        await letters.replay("d1")
    assert await letters.delete("d1")
