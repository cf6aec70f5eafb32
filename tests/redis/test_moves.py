"""Moving threads to another number of partitions: whole, once, at any moment, whoever else is at work."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from answerback.codec import encode
from answerback.errors import LeaseLost, StoreUnavailable
from answerback.events import Amendment
from answerback.steps import Record
from answerback.store import copies, keys, partitions
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chats import Chats
from answerback.store.partitions import Layout
from answerback.store.redis import Database
from answerback.store.stream.followers import Live
from answerback.store.threads import moves as moving
from answerback.store.threads.archives import Archives
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.files import FileLimits, Files
from answerback.store.threads.moves import Moves
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.queues import queues
from answerback.store.threads.records import StreamAppend
from answerback.store.threads.threads import Threads
from answerback.store.threads.views import Transcript, thread_summary, transcript
from tests.redis.conftest import Server
from tests.redis.given import (
    THREAD,
    accept,
    claim,
    claim_all,
    content_of,
    courier,
    dead_letter,
    event,
    lapse,
    reply,
    step,
    turn,
)

pytestmark = pytest.mark.usefixtures("at_once")
LATER = Layout(1, 4)
MORE = [f"github:1:{number}" for number in range(2, 40)]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions are closed right after a move has begun, and every process knows of it."""
    monkeypatch.setattr(moving, "ANNOUNCED", 0)
    monkeypatch.setattr(partitions, "FRESH", -1)


async def move_all(threads: Threads, count: int = 4) -> None:
    """Move all threads to `count` partitions."""
    moves = Moves(threads)
    assert await moves.begin(count) == "begun"
    assert await moves.move_idle() == 0
    assert await moves.finish()


async def everything_in(database: Database) -> dict[str, object]:
    """All keys with their values, without what differs between layouts or changes with the time."""
    found: dict[str, object] = {}
    for raw in await database.call("KEYS", "ab:{*"):
        name = raw.decode()
        match (await database.call("TYPE", name)).decode():
            case "hash":
                found[name] = await database.call("HGETALL", name)
            case "list":
                found[name] = await database.call("LRANGE", name, 0, -1)
            case "zset":
                found[name] = await database.call("ZRANGE", name, 0, -1)
            case "stream":
                found[name] = await database.call("XRANGE", name, "-", "+")
            case _:
                found[name] = await database.call("GET", name)
    return found


async def names(database: Database) -> list[str]:
    """All keys of partitions."""
    return sorted(name.decode() for name in await database.call("KEYS", "ab:{*"))


def of_partition(found: dict[str, object], p: keys.Partition) -> dict[str, object]:
    """What belongs to the threads of a partition, under names without the partition."""
    others = (":counters", ":clock", ":wake", ":marks", ":moved", ":file_sizes")
    prefix = f"ab:{{{p}}}"
    return {
        name.removeprefix(prefix): value
        for name, value in found.items()
        if name.startswith(f"{prefix}:") and not name.endswith(others)
    }


async def shown_of(threads: Threads) -> Transcript:
    """What an operator sees of the thread, without how long it still waits."""
    found = await transcript(threads, THREAD)
    assert found is not None
    return msgspec.structs.replace(found, thread=msgspec.structs.replace(found.thread, next=0))


class Dying(Database):
    """A database whose process dies at a call: before that call is run, or before its answer is read."""

    def __init__(self, url: str, calls: int, answered: bool) -> None:
        super().__init__(url)
        self.left = calls
        self._answered = answered

    async def call(self, *words: str | bytes | int) -> Any:
        return await self._count(super().call(*words))

    async def together(self, *commands: tuple[str | bytes | int, ...]) -> list[Any]:
        return list(await self._count(super().together(*commands)))

    async def _count(self, running: Coroutine[Any, Any, Any]) -> Any:
        self.left -= 1
        if self.left < 0 or (self.left == 0 and not self._answered):
            running.close()
            raise StoreUnavailable("dead")
        answer = await running
        if self.left == 0:
            raise StoreUnavailable("dead")
        return answer


async def full(threads: Threads, outbox: Outbox) -> None:
    """A thread with history, a turn in flight, waiting events, unsent replies, a dead letter and stream events."""
    await accept(threads, 1, 2, 3, 4)
    await threads.commit(turn(await claim(threads), reply("0.0"), reply("0.1"), more=False, state=b"state"))
    (outgoing,) = await courier(threads, outbox)
    await outbox.settle(outgoing)
    await outbox.defer(msgspec.structs.replace(outgoing, reply=reply("0.1")), 3600, retry=True)
    await dead_letter(threads, await claim(threads))
    held = await claim(threads)
    await threads.step(step(held, "charge"))
    await threads.emit(StreamAppend(THREAD, held.fence, held.owner, held.position, [("turn", b"{}")]))
    await threads.release(held, delay=3600, error="no")
    await threads.amend(Amendment(delivery="github:edit", thread=THREAD, message="99", text="later"))


async def test_a_thread_is_moved_with_all_that_belongs_to_it(threads: Threads, outbox: Outbox) -> None:
    await full(threads, outbox)
    before, shown = await everything_in(threads.database), await shown_of(threads)
    counted = await queues(threads)
    await move_all(threads)
    after = await everything_in(threads.database)
    assert of_partition(after, LATER.of(THREAD)) == of_partition(before, 0)
    assert [name for name in after if name.startswith("ab:{0}:")] == ["ab:{0}:clock"]
    assert await shown_of(threads) == shown
    assert await queues(threads) == counted


@pytest.mark.one_server
@pytest.mark.parametrize("answered", [False, True], ids=["before it is run", "after it was run"])
async def test_a_mover_that_dies_at_any_call_is_replaced_by_another(
    server: Server, threads: Threads, outbox: Outbox, answered: bool
) -> None:
    expected = dict[str, object]()
    for number in itertools.count(1 + answered, 2):
        await threads.database.call("FLUSHALL")
        fresh = Threads(threads.database)
        await full(fresh, Outbox(fresh))
        dying = Dying(server.url, number, answered)
        with suppress(StoreUnavailable):
            await move_all(Threads(dying))
        await dying.close()
        # Whoever looks in between finds it whole.
        after = Threads(threads.database)
        assert len((await shown_of(after)).waiting) == 2
        if await Moves(after).begin(4) == "same" and after.partitions.former:
            assert await Moves(after).move_idle() == 0
            assert await Moves(after).finish()
        elif after.partitions.current.count == 1:
            await move_all(after)
        assert (await after.accept(event(1))).status == "duplicate"
        found = of_partition(await everything_in(threads.database), LATER.of(THREAD))
        expected = expected or found
        assert found.keys() == expected.keys(), number
        assert [name for name in await names(threads.database) if "incoming" in name] == []
        if dying.left > 0:
            assert number > 30
            break


async def test_what_is_known_of_deliveries_is_kept(threads: Threads, letters: DeadLetters) -> None:
    await accept(threads, 1, 2, 3, 4)
    for _ in range(3):
        await dead_letter(threads, await claim(threads))
    await letters.delete(event(3).id)
    await move_all(threads)
    assert [(await threads.accept(event(number))).status for number in (1, 3, 4)] == [
        "accepted",
        "duplicate",
        "duplicate",
    ]
    assert await letters.replay(event(2).id)
    assert [entry.event.message for entry in (await claim(threads)).entries] == ["4"]
    assert len((await shown_of(threads)).waiting) == 3


async def test_a_deletion_that_came_first_is_kept(threads: Threads) -> None:
    await threads.amend(Amendment(delivery="github:edit", thread=THREAD, message="1", text=None))
    await move_all(threads)
    assert (await threads.accept(event(1))).status == "ignored"


async def test_a_thread_that_is_held_is_moved_when_it_is_released(threads: Threads, outbox: Outbox) -> None:
    await accept(threads, 1, 2)
    held = await claim(threads)
    moves = Moves(threads)
    await moves.begin(4)
    assert await moves.move_idle() == 1
    assert not await moves.finish()
    await threads.step(step(held, "charge"))
    await accept(threads, 3)
    assert await threads.commit(turn(held, reply("0.0"))) == []
    (outgoing,) = await courier(threads, outbox)
    assert await moves.move_idle() == 1
    await outbox.settle(outgoing)
    assert await moves.move_idle() == 0
    assert await moves.finish()
    with pytest.raises(LeaseLost):
        await threads.step(step(held, "charge again"))
    assert [entry.event.message for entry in (await claim(threads)).entries] == ["2"]


async def test_a_worker_moves_what_it_would_claim(threads: Threads) -> None:
    await accept(threads, 1)
    moves = Moves(threads)
    await moves.begin(4)
    await moves.close()
    reserved = await threads.reserve(0, "ready", 10)
    assert (await moves.move_reserved(0, "ready", reserved)).threads == ()
    assert await threads.claim(0, reserved, "worker") == []
    assert (await claim(threads)).attempt == 1


async def test_a_copy_that_has_not_arrived_is_kept(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process finishes at the same time, and dies with a thread on its way."""
    await threads.amend(Amendment(delivery="github:edit", thread=THREAD, message="1", text=None))
    moves, other = Moves(threads), Moves(threads)
    await moves.begin(4)
    assert await moves.move_idle() == 0
    arriving = threads.scripts.arrive

    async def dies(*args: Any, **values: Any) -> Any:
        raise StoreUnavailable("dead")

    real = moves.move

    async def move_behind(p: keys.Partition, thread: str, *args: Any) -> Any:
        monkeypatch.setattr(threads.scripts, "arrive", dies)
        with suppress(StoreUnavailable):
            await other.move(p, thread)
        monkeypatch.setattr(threads.scripts, "arrive", arriving)
        return await real(p, thread, *args)

    monkeypatch.setattr(moves, "move", move_behind)
    assert await moves.finish()
    assert (await threads.accept(event(1))).status == "ignored"


async def test_what_is_paused_is_looked_at_again_where_it_arrives(threads: Threads) -> None:
    await accept(threads, 1)
    await threads.release(await claim(threads), "handed back", delay=3600, pause="agent:support")
    assert await claim_all(threads) == []
    await move_all(threads)
    assert [entry.event.message for entry in (await claim(threads)).entries] == ["1"]


@pytest.mark.parametrize("parked", [False, True])
async def test_a_pinned_turn_is_left_to_its_version_where_it_arrives(database: Database, parked: bool) -> None:
    old, new = Threads(database, version="old", lease=2), Threads(database, version="new", lease=2)
    await old.extend(0, [], "old 1")
    await new.extend(0, [], "new 1")
    await accept(old, 1)
    held = await claim(old, owner="dead")
    await old.step(step(held, "work#1", record=encode(Record("done", value=b"\xc0"))))
    await lapse(old)
    if parked:
        assert await claim_all(new, owner="new 1") == []
        assert await database.call("HLEN", keys.parked(0)) == 1
    moves = Moves(new)
    assert await moves.begin(4) == "begun"
    async with asyncio.timeout(30):
        while await moves.move_idle():  # it is parked for a fraction of a lease
            await asyncio.sleep(0.01)
    assert await moves.finish()
    # No worker has sent a heartbeat to the new partitions.
    p = LATER.of(THREAD)
    assert await claim_all(new, owner="new 1") == []
    reservation, _ = await old.reserve_parked(p, 10)
    (taken,) = await old.claim(p, reservation, "old 1")
    assert (taken.version, taken.attempt, [*taken.journal]) == ("old", 2, ["work#1"])
    await old.commit(turn(taken))
    assert await database.call("HLEN", keys.parked(p)) == 0


async def test_a_mover_that_is_late_moves_nothing_twice(
    threads: Threads, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    await accept(threads, 1, 2, 3)
    await dead_letter(threads, await claim(threads))
    late, other = Moves(threads), Moves(threads)
    await late.begin(4)
    await late.close()
    reading, read = copies.read, asyncio.Event()

    async def read_late(*args: Any) -> Any:
        # The dead letters are read; meanwhile, another worker moves the thread, and the letter is deleted there.
        if not read.is_set():
            read.set()
            assert await other.move(0, THREAD) == "left"
            assert await letters.delete(event(1).id)
        return await reading(*args)

    monkeypatch.setattr(moving, "read", read_late)
    assert await late.move(0, THREAD) == "gone"
    assert await late.finish()
    assert ((counted := await queues(threads)).events_waiting, counted.dead) == (2, 0)


async def test_a_process_that_does_not_know_of_the_move_loses_nothing(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled = Threads(threads.database)
    await accept(stalled, 1)
    await move_all(threads)
    monkeypatch.setattr(partitions, "FRESH", 3600)
    assert (await stalled.accept(event(1))).status == "duplicate"
    stalled.partitions.current, stalled.partitions.former = Layout(0, 1), None
    assert (await stalled.accept(event(2))).status == "accepted"
    stalled.partitions.current, stalled.partitions.former = Layout(0, 1), None
    await stalled.amend(Amendment(delivery="github:edit", thread=THREAD, message="2", text="better"))
    stalled.partitions.current, stalled.partitions.former = Layout(0, 1), None
    assert await thread_summary(stalled, THREAD) is not None
    assert [waiting.text for waiting in (await shown_of(threads)).waiting] == ["message 1", "better"]
    assert [name for name in await names(threads.database) if name.startswith("ab:{0}:")] == ["ab:{0}:clock"]


async def test_a_chat_is_moved_with_its_files_and_lists(threads: Threads) -> None:
    chats, files = Chats(threads), Files(threads)
    chat = await chats.open("acme", "one", NewChat(user="u1", title="Hello"))
    file = await files.store(
        chat.thread,
        content_of(b"x" * 100),
        name="x",
        content_type="text/plain",
        limits=FileLimits(thread=500, workspace=900),
    )
    await move_all(threads)
    assert await files.content(chat.thread, file.id) == b"x" * 100
    assert await files.workspace_size("acme") == 100
    assert [each.title for each in (await chats.list("acme", user="u1")).chats] == ["Hello"]
    assert await chats.open("acme", "one", NewChat(user="u1", title="Hello")) == await chats.get("acme", "one")
    assert (await chats.change("acme", "one", title="Bye")).title == "Bye"
    assert await files.delete_unused() == 0
    assert (await chats.purge("acme", "one"), await files.workspace_size("acme")) == (True, 0)


async def test_a_follower_reads_on_where_the_thread_is_now(threads: Threads) -> None:
    live = Live(threads)
    listening = asyncio.create_task(live.keep())
    await accept(threads, 1, 2)
    held = await claim(threads)
    append = StreamAppend(THREAD, held.fence, held.owner, held.position, [("turn", b"{}")])
    try:
        async with asyncio.timeout(30), live.follow(THREAD) as events:
            await threads.emit(append)
            first = await anext(events)
            await threads.release(held)
            await move_all(threads)
            again = await claim(threads)
            await threads.emit(StreamAppend(THREAD, again.fence, again.owner, again.position, [("text", b"{}")]))
            second = await anext(events)
            await threads.emit(StreamAppend(THREAD, again.fence, again.owner, again.position, [("done", b"{}")]))
            assert [first.kind, second.kind, (await anext(events)).kind] == ["turn", "text", "done"]
            assert first.place < second.place
    finally:
        listening.cancel()


@pytest.mark.one_server
async def test_events_that_come_during_moves_are_answered_once_and_in_order(threads: Threads) -> None:
    ids = [f"github:1:{number}" for number in range(6)]
    done = asyncio.Event()

    async def send(id: str) -> None:
        one = Threads(threads.database)
        for number in range(20):
            each = msgspec.structs.replace(event(number, id), delivery=f"{id}/{number}")
            assert (await one.accept(each)).status == "accepted"
            assert (await one.accept(each)).status == "duplicate"

    async def work(name: str) -> None:
        mine = Threads(threads.database)
        moves = Moves(mine)
        while not done.is_set():
            for p in await mine.partitions.all():
                reserved = await mine.reserve(p, "ready", 3)
                for held in await mine.claim(p, await moves.move_reserved(p, "ready", reserved), name):
                    while entries := await mine.commit(turn(held)):
                        held = msgspec.structs.replace(held, entries=entries, position=held.position + 1)
            await asyncio.sleep(0.01)

    async def move(counts: list[int]) -> None:
        moves = Moves(Threads(threads.database))
        for count in counts:
            assert await moves.begin(count) == "begun"
            while await moves.move_idle() or not await moves.finish():
                await asyncio.sleep(0.01)

    workers = [asyncio.create_task(work(name)) for name in ("a", "b")]
    async with asyncio.timeout(120):
        await asyncio.gather(move([16, 4, 5]), *map(send, ids))
        while (await queues(threads)).events_waiting:
            await asyncio.sleep(0.05)
        done.set()
        await asyncio.gather(*workers)
    assert threads.partitions.current == Layout(3, 5)
    assert (await queues(threads)).handled == 6 * 20
    for id in ids:
        whole = await transcript(threads, id)
        assert whole is not None
        assert [message.text for message in whole.messages if message.role == "user"] == [
            f"message {number}" for number in range(20)
        ]


async def test_archives_are_complete_during_a_move(threads: Threads) -> None:
    for id in MORE:
        await accept(threads, 1, thread=id) if id == MORE[0] else await threads.accept(
            msgspec.structs.replace(event(1, id), delivery=id)
        )
    moves = Moves(threads)
    await moves.begin(4)
    await moves.close()
    for id in MORE[::2]:
        await moves.move(0, id)
    archives = Archives(threads)
    assert sorted([id async for id in archives.ids()]) == sorted(MORE)
    for id in MORE:
        archive = await archives.read(id)
        assert archive is not None
        assert len(archive.waiting) == 1
    assert await moves.begin(4) == "same"
    assert await moves.begin(3) == "moving"
    assert (await moves.progress()).left == len(MORE) // 2
    assert await archives.purge(MORE[0])
    assert await archives.purge(MORE[1])
    assert await moves.move_idle() == 0
    assert await moves.finish()
    assert len([id async for id in archives.ids()]) == len(MORE) - 2
