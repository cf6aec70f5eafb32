"""Threads that an operator takes from workers, removes, and moves, while everything runs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from arq.connections import ArqRedis

from answerback.archive import parse
from answerback.store import keys
from answerback.store.fleet.keys import arq_queue
from answerback.testing.standins.sender import Slack, Standard
from tests.acceptance.scene import stopped
from tests.acceptance.system import Process, System, until
from tests.acceptance.terminal import Done
from tests.acceptance.terminal import command as typed
from tests.standins.client import StandIns

HOLD = "tests.acceptance.agents:holds"
COUNT = "tests.acceptance.agents:counts"
FAILS = "tests.acceptance.agents:failing"


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[System]:
    """Another Answerback, on a server of its own."""
    (tmp_path / "elsewhere").mkdir()
    running = System(tmp_path / "elsewhere", {})
    await running.open()
    try:
        yield running
    finally:
        await running.close()


async def command(system: System, *args: str, stdin: bytes = b"") -> Done:
    """`answerback …` on a system's server, to its end."""
    settings = {"PATH": os.environ["PATH"], "REDIS_URL": system.server.url}
    return await asyncio.to_thread(typed, *args, settings=settings, stdin=stdin)


async def refused(worker: Process) -> None:
    """A worker has learned that its thread is not its own any more."""

    async def lost() -> bool:
        return bool(worker.lines("lease lost") or worker.lines("another worker has taken over this thread"))

    await until(lost, what="the worker learning that its thread was taken")


async def test_a_thread_of_a_worker_that_stands_still_is_unlocked_and_answered_once(
    system: System, standins: StandIns
) -> None:
    await system.ingress()
    # Had its lease ended, the other's would be the second attempt.
    first = await system.worker(HOLD, LEASE_SECONDS="600")
    receipt = await system.deliver("slack", Slack().message("hello", ts="1700000000.000300"))
    thread = receipt["thread"]
    await system.marked("hello-1")
    first.signal(signal.SIGSTOP)
    await stopped(first)
    system.release()
    await system.worker(HOLD)
    assert (await command(system, "threads", "requeue", thread)).code == 1
    done = await command(system, "threads", "unlock", thread)
    assert done.code == 0
    assert f"-{first.pid}-" in done.out
    # What tells that a reply is due may have gone to the worker that stands still; then the other looks by itself,
    # after a lease.
    await standins.wait_for_messages(1, "slack", within=60)
    first.signal(signal.SIGCONT)
    await refused(first)
    await system.quiet(1)
    assert await system.answers(thread) == ["hello"]
    assert len(await standins.messages("slack")) == 1
    again = await command(system, "threads", "unlock", thread)
    assert (again.code, again.out) == (1, "")
    assert "not held by any worker" in again.err


async def test_a_worker_that_its_first_message_blocks_is_known(plain: System) -> None:
    await plain.ingress()
    await plain.deliver("standard", Standard().message("hello", thread="t"))
    # Started is what is in the list of workers.
    blocked = await plain.worker("tests.acceptance.agents:blocks", "tests.acceptance.tardy worker")
    await plain.marked("blocked")
    [worker] = json.loads((await command(plain, "workers", "--json")).out)
    assert worker["pid"] == blocked.pid
    await blocked.kill()


async def test_a_thread_purged_in_mid_turn_does_not_come_back(plain: System) -> None:
    await plain.ingress()
    worker = await plain.worker(HOLD)
    secret = Standard().message("my secret", thread="t")
    receipt = await plain.deliver("standard", secret)
    thread = receipt["thread"]
    await plain.marked("my secret-1")
    assert (await command(plain, "threads", "purge", thread, stdin=b"n\n")).code == 1
    done = await command(plain, "threads", "purge", thread, "--yes", "--json")
    [removed] = json.loads(done.out)["done"]
    assert (removed["events"], removed["thread"]) == (1, thread)
    assert f"-{worker.pid}-" in removed["owner"]
    await refused(worker)
    assert (await plain.deliver("standard", secret))["status"] == "duplicate"
    assert (await command(plain, "threads", "purge", thread, "--yes")).code == 3
    assert (await command(plain, "threads", "show", thread)).code == 3
    # Nothing of it lies in any key, and who comes later begins anew.
    for key in await plain.database.call("KEYS", "*"):
        assert b"my secret" not in (await plain.database.call("DUMP", key) or b"")
    plain.release()
    await plain.deliver("standard", Standard().message("hello again", thread="t"))
    await plain.quiet(1)
    said = [(message.role, message.text) for message in (await plain.transcript(thread)).messages]
    assert said == [("user", "hello again"), ("assistant", "hello again")]
    assert worker.alive
    assert not worker.lines("task failed; the thread will be reclaimed when its lease expires")


async def test_a_retrying_thread_is_requeued(plain: System) -> None:
    await plain.ingress()
    await plain.worker(FAILS, TURN_RETRY_SECONDS="3600", TURN_RETRY_MAX_SECONDS="3600")
    await plain.deliver("standard", Standard().message("fail 1", thread="t"))
    await until(plain.queues, lambda found: found.turns.retrying == 1, what="the first attempt failing")
    done = await command(plain, "threads", "requeue", "standard:t", "standard:none")
    assert done.code == 3
    assert done.out == "standard:t: the turn can be claimed now\n"
    assert "standard:none" in done.err
    await plain.quiet(1)
    assert await plain.answers("standard:t") == ["ok after 2"]
    assert (await command(plain, "threads", "requeue", "standard:t")).code == 1


async def test_threads_move_to_another_server_and_go_on(plain: System, elsewhere: System, tmp_path: Path) -> None:
    await plain.ingress()
    worker = await plain.worker(COUNT)
    first = Standard().message("one", thread="t")
    await plain.deliver("standard", first)
    await plain.quiet(1)
    await worker.stop()
    doomed = await plain.worker(FAILS, TURN_MAX_ATTEMPTS="1")
    dead = Standard().message("always", thread="t")
    await plain.deliver("standard", dead)
    await plain.quiet(2)
    await doomed.stop()
    waiting = Standard().message("two", thread="t")
    await plain.deliver("standard", waiting)
    await plain.deliver("standard", Standard().message("other", thread="u"))

    file = tmp_path / "threads.jsonl"
    assert (await command(plain, "export", "--all", "-o", str(file))).err == "exported: 2\n"
    assert file.stat().st_mode & 0o077 == 0
    single = await command(plain, "export", "standard:t", "standard:none")
    assert single.code == 3
    assert [entry.event.text for entry in parse(single.out.encode()).waiting] == ["two"]
    spoiled = b"nonsense\n" + file.read_bytes() + b'{"answerback":9}\n'
    done = await command(elsewhere, "import", "-", stdin=spoiled)
    assert (done.code, done.out) == (1, "imported: 2\n")
    assert "line 1: not JSON" in done.err
    assert "line 4: format version 9 is not supported" in done.err
    again = await command(elsewhere, "import", str(file), "--json")
    assert again.code == 1
    assert [failed["line"] for failed in json.loads(again.out)["failed"]] == [1, 2]

    await elsewhere.ingress()
    await elsewhere.worker(COUNT)
    await elsewhere.quiet(2)
    assert (await elsewhere.deliver("standard", waiting))["status"] == "duplicate"
    # It counts what people said before, here and there.
    assert await elsewhere.answers("standard:t") == ["0", "1"]
    assert await elsewhere.answers("standard:u") == ["0"]
    assert (await elsewhere.deliver("standard", dead))["reason"] == "replayed from the dead letters"
    await elsewhere.quiet(3)
    assert await elsewhere.answers("standard:t") == ["0", "1", "2"]
    assert (await command(elsewhere, "import", str(file), "--replace")).out == "imported: 2\n"
    await elsewhere.quiet(5)
    assert await elsewhere.answers("standard:t") == ["0", "1"]


async def test_a_worker_drops_idle_threads_when_they_are_exported(plain: System, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    await plain.ingress()
    await plain.worker(COUNT, RETENTION_DAYS="0.00000001", RETENTION_EXPORT=str(folder))
    await plain.deliver("standard", Standard().message("one", thread="t"))
    await plain.quiet(1)
    redis = ArqRedis(
        plain.database.pool,
        job_serializer=msgspec.msgpack.encode,
        job_deserializer=msgspec.msgpack.decode,
        default_queue_name=arq_queue(),
    )
    assert await redis.enqueue_job("drop_idle_threads")
    await until(plain.queues, lambda found: found.threads == 0, what="the thread being dropped")
    [file] = folder.iterdir()
    assert [message.text for message in parse(file.read_bytes()).messages] == ["one", "0"]
    await command(plain, "import", str(file))
    await plain.deliver("standard", Standard().message("two", thread="t"))
    await plain.quiet(2)
    assert await plain.answers("standard:t") == ["0", "1"]


async def test_what_newer_code_wrote_waits_among_the_dead_letters_and_delays_nobody(plain: System) -> None:
    """After a rollback. The event of one thread cannot be read; those of all others are answered meanwhile."""
    await plain.ingress()
    senders = [Standard() for _ in range(20)]
    for number, sender in enumerate(senders):
        await plain.deliver("standard", sender.message("hello", thread=f"t{number}"))
    inbox = keys.inbox(0, "standard:t7")
    known = msgspec.msgpack.decode(await plain.database.call("LINDEX", inbox, 0))
    raw = msgspec.msgpack.encode(known | {"event": known["event"] | {"author": 7}})
    await plain.database.call("LSET", inbox, 0, raw)
    paused = msgspec.msgpack.encode({"state": "paused"})
    await plain.database.call("HSET", keys.journal(0, "standard:t8"), "look#1", paused)
    await plain.database.call("HSET", keys.thread(0, "standard:t9"), "state", b"\x93\x01\x02\x03")
    await plain.database.call("RPUSH", keys.history(0, "standard:t10"), paused)
    worker = await plain.worker(COUNT)
    found = await plain.quiet(20)
    assert (found.handled, found.dead_lettered) == (16, 4)
    assert not worker.lines("task failed; the thread will be reclaimed when its lease expires")
    buried = {letter.thread: letter async for letter in plain.letters.list()}
    assert set(buried) == {f"standard:t{number}" for number in (7, 8, 9, 10)}
    assert all(letter.unreadable and letter.attempts == 1 for letter in buried.values())
    letter = buried["standard:t7"]
    shown = await command(plain, "dead", "show", letter.id)
    assert shown.code == 0
    assert "newer version" in shown.out
    assert (await command(plain, "threads", "show", "standard:t7")).code == 0
    refused = await command(plain, "dead", "replay", letter.id)
    assert refused.code != 0
    assert "update it first" in refused.err
    assert msgspec.msgpack.decode(await plain.database.call("HGET", keys.dead_letter_payloads(0), letter.id)) == {
        "entries": [raw]
    }
