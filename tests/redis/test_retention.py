"""Idle threads are exported and dropped, and nothing else is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from answerback.archive import Archive, parse
from answerback.replies import DeadLetter
from answerback.settings import Settings
from answerback.store import keys
from answerback.store.threads.archives import Archives
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.redis.given import accept, claim, courier, dead_letter, reply, turn
from worker import retention
from worker.retention import Retention

pytestmark = pytest.mark.one_server


def told(folder: Path | None = None, days: str = "30") -> Settings:
    """The settings of a worker that forgets after so many days."""
    return Settings.load({"RETENTION_DAYS": days, **({"RETENTION_EXPORT": str(folder)} if folder else {})})


def exported(folder: Path) -> list[Archive]:
    """What lies in its files."""
    return [parse(line) for path in sorted(folder.iterdir()) for line in path.read_bytes().splitlines()]


async def answer(threads: Threads, number: int, thread: str, *names: str) -> None:
    """A thread in which something was said and answered."""
    await accept(threads, number, thread=thread)
    await threads.commit(turn(await claim(threads), *(reply(name, thread) for name in names)))


async def age(threads: Threads, *ids: str, days: float = 31) -> None:
    """Nothing has happened there for so long."""
    then = await threads.database.now() - int(days * 86_400_000)
    for id in ids:
        await threads.database.call("ZADD", keys.threads(threads.partitions.current.of(id)), "XX", then, id)


async def ids(threads: Threads) -> set[str]:
    """The threads that are there."""
    return {id async for id in Archives(threads).ids()}


async def test_idle_threads_are_exported_and_dropped(threads: Threads, tmp_path: Path) -> None:
    many = Threads(threads.database, partitions=3)
    names = [f"github:1:{number}" for number in range(50)]
    for number, id in enumerate(names):
        await accept(many, number, thread=id)
        (held,) = [held for p in range(3) for held in await many.claim(p, await many.reserve(p, "ready", 9), "worker")]
        await many.commit(turn(held))
    before = {id: await Archives(many).read(id) for id in names}
    await age(many, *names[:45])
    folder = tmp_path / "kept"
    assert await Retention(told(folder), many).apply() == 45
    assert await ids(many) == set(names[45:])
    kept = {archive.thread: archive for archive in exported(folder)}
    assert set(kept) == set(names[:45])
    assert all(before[id] is not None and before[id].messages == kept[id].messages for id in kept)  # type: ignore[union-attr]
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o077 == folder.stat().st_mode & 0o077 == 0
    assert await Retention(told(folder), many).apply() == 0
    # They can be had again, and stay then.
    assert await Archives(many).restore(kept[names[0]])
    assert await Retention(told(folder), many).apply() == 0
    assert names[0] in await ids(many)


async def test_without_a_number_of_days_everything_stays(threads: Threads) -> None:
    await answer(threads, 1, "github:1:1")
    await age(threads, "github:1:1", days=10_000)
    assert await Retention(Settings.load({}), threads).apply() == 0
    assert await ids(threads) == {"github:1:1"}


async def test_what_waits_runs_is_unsent_or_dead_stays(threads: Threads, outbox: Outbox, tmp_path: Path) -> None:
    await answer(threads, 1, "github:1:unsent", "r1")
    await accept(threads, 2, thread="github:1:dead")
    await dead_letter(threads, await claim(threads))
    await answer(threads, 3, "github:1:refused", "r2")
    for outgoing in await courier(threads, outbox):
        if outgoing.reply.key == "r2":
            await outbox.settle(outgoing, DeadLetter(id="r2", kind="reply", thread=outgoing.thread, reason="no"))
        else:
            await outbox.defer(outgoing, 3600, retry=True)
    await accept(threads, 4, thread="github:1:running")
    await claim(threads)
    await accept(threads, 5, thread="github:1:waiting")
    busy = await ids(threads)
    for number in range(25):
        await answer_only(threads, 100 + number, f"github:2:{number}")
    await age(threads, *await ids(threads))
    assert await Retention(told(tmp_path), threads).apply() == 25
    assert await ids(threads) == busy
    assert len(exported(tmp_path)) == 25


async def answer_only(threads: Threads, number: int, thread: str) -> None:
    """The same, while another thread waits to be claimed."""
    await accept(threads, number, thread=thread)
    taken = await threads.reserve(0, "ready", 100)
    for held in await threads.claim(0, taken, "worker"):
        await (threads.commit(turn(held)) if held.thread == thread else threads.release(held, delay=60))


async def test_a_message_between_export_and_drop_is_not_lost(
    threads: Threads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await answer(threads, 1, "github:1:1")
    await answer(threads, 2, "github:1:2")
    await age(threads, "github:1:1", "github:1:2")
    loop, write = asyncio.get_running_loop(), retention.append

    def append(*args: Any) -> None:
        write(*args)
        asyncio.run_coroutine_threadsafe(accept(threads, 3, thread="github:1:1"), loop).result()

    monkeypatch.setattr(retention, "append", append)
    assert await Retention(told(tmp_path), threads).apply() == 1
    held = await claim(threads)
    assert (held.thread, len(held.history), held.entries[0].event.message) == ("github:1:1", 2, "3")


async def test_what_cannot_be_exported_is_not_dropped(threads: Threads, tmp_path: Path) -> None:
    await answer(threads, 1, "github:1:1")
    await age(threads, "github:1:1")
    (tmp_path / "file").touch()
    assert await Retention(told(tmp_path / "file" / "folder"), threads).apply() == 0
    assert await ids(threads) == {"github:1:1"}


async def test_half_a_line_spoils_no_other(threads: Threads, tmp_path: Path) -> None:
    retention.append(tmp_path, 0, [b'{"answerback":1,"thr'])
    retention.append(tmp_path, 0, [b"one\n", b"two\n"])
    (path,) = tmp_path.iterdir()
    assert path.name == "threads-1970-01-01.jsonl"
    assert path.read_bytes() == b'{"answerback":1,"thr\none\ntwo\n'
