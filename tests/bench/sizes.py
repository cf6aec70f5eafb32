"""`python -m tests.bench.sizes`: the memory of threads and messages in Redis, and that of the processes.

The figures of docs/production.md. They are of memory, so a busy machine does not change them.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path

from answerback import Agent, Listen, Turn
from answerback.events import Event
from answerback.messages import Author
from answerback.store.redis import Database
from answerback.store.threads.queues import queues
from answerback.store.threads.threads import Threads
from tests.bench.bench import free_port, machine, process, server

TEMPORARY = {"seen": "delivery ids, for SEEN_DAYS", "deltas": "stream events, for an hour"}
LENGTH = 200
"""Characters of each message, and of each answer."""


async def repeat(turn: Turn) -> str:
    """Say what was said."""
    return turn.text


async def wait(turn: Turn) -> str:
    """Do what most agents do most of the time."""
    await asyncio.sleep(600)
    return ""


repeats = Agent("repeat", repeat, listen=Listen(when=("every",)))
waits = Agent("wait", wait, listen=Listen(when=("every",)))


async def fill(threads: Threads, count: int, rounds: int) -> None:
    """Store messages in so many threads."""
    for number in range(rounds):
        for start in range(0, count, 500):
            await asyncio.gather(
                *[threads.accept(event(thread, number)) for thread in range(start, min(start + 500, count))]
            )


def event(thread: int, number: int) -> Event:
    """Return a message of `LENGTH` characters that do not repeat."""
    text = "".join(f"{thread * 7919 + number * 104729 + place:x} " for place in range(LENGTH))[:LENGTH]
    return Event(
        delivery=f"github:2f1c8cb0-80c4-11ef-{thread:04x}-{number:012x}",
        thread=f"standard:thread-{thread:08d}",
        kind="message.created",
        text=text,
        author=Author("u1", "Ada Lovelace"),
        direct=True,
    )


async def sizes(url: str, count: int, rounds: int) -> tuple[float, Counter[str]]:
    """Return the bytes in Redis per thread, by kind of key; first what the server itself has grown by."""
    database = Database(url, timeout=60)
    threads = Threads(database)
    before = await used(database)
    await fill(threads, count, rounds)
    while (await queues(threads)).handled < count * rounds:
        await asyncio.sleep(0.1)
    grown = await used(database) - before
    kinds: Counter[str] = Counter()
    for key in await database.call("KEYS", "ab:{0}:*"):
        kinds[key.decode().split(":")[2]] += await database.call("MEMORY", "USAGE", key, "SAMPLES", "0") or 0
    await database.close()
    return grown / count, Counter({kind: total // count for kind, total in kinds.items()})


async def used(database: Database) -> int:
    """Return the memory that the server uses, in bytes."""
    return int((await database.call("INFO", "memory"))["used_memory"])


def resident(pid: int) -> int:
    """Return the memory of a process, in bytes (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def running(url: str, count: int) -> None:
    """Store a message in each of so many threads, and wait until all their turns run."""
    database = Database(url, timeout=60)
    threads = Threads(database)
    await fill(threads, count, 1)
    while (await queues(threads)).turns.in_flight < count:
        await asyncio.sleep(0.1)
    await database.close()


def main() -> None:
    """Print the figures."""
    print(machine())
    with server() as (url, _), process("worker", url, ANSWERBACK_AGENTS="tests.bench.sizes:repeats"):
        one, first = asyncio.run(sizes(url, 4_000, 1))
    with server() as (url, _), process("worker", url, ANSWERBACK_AGENTS="tests.bench.sizes:repeats"):
        many, all_ = asyncio.run(sizes(url, 400, 21))
    with server() as (url, _):
        print(f"a message and its answer, {LENGTH} characters each, bytes in Redis:")
        print(f"  in a thread of its own  {one:8,.0f}")
        print(f"  in a thread of 21       {many / 21:8,.0f}")
        for kind, purpose in TEMPORARY.items():
            print(f"    of these, {purpose:<28} {first[kind]:8,.0f} {all_[kind] / 21:8,.0f}")
        for kind in sorted(first.keys() - TEMPORARY.keys(), key=lambda kind: -all_[kind]):
            print(f"    {kind:<38} {first[kind]:8,.0f} {all_[kind] / 21:8,.0f}")
        waiting = {"ANSWERBACK_AGENTS": "tests.bench.sizes:waits", "WORKER_CONCURRENCY": "2000"}
        with process("ingress", url, PORT=str(free_port())) as ingress, process("worker", url, **waiting) as worker:
            asyncio.run(running(url, 1))
            idle = resident(worker.pid)
            asyncio.run(running(url, 2_000))
            busy = resident(worker.pid)
            print(f"memory of ingress, MB               {resident(ingress.pid) / 1e6:8,.0f}")
            print(f"memory of a worker, MB              {idle / 1e6:8,.0f}")
            print(f"  a turn that runs, KB              {(busy - idle) / 2_000 / 1e3:8,.0f}")
            worker.kill()


if __name__ == "__main__":
    main()
