"""Events a second through claim → run → commit in one worker process: no-op agent, reply recorded."""

from __future__ import annotations

import asyncio
import time

from answerback.events import Event
from answerback.messages import Author
from answerback.store.redis import Database
from answerback.store.threads.queues import queues
from answerback.store.threads.threads import Threads
from tests.bench import bench
from tests.bench.bench import cpu_seconds, process, server

THREADS = 5_000
ROUNDS = 8
CHATS = 20_000
"""Threads of one event each, as people write in chats: every turn is a claim of its own."""


def event(thread: int, number: int) -> Event:
    return Event(
        delivery=f"standard:bench-{thread}-{number}",
        thread=f"standard:bench-{thread}",
        kind="message.created",
        text="What does the next release change for people who have pinned the old one?",
        author=Author("u1", "Ada"),
        direct=True,
    )


async def _fill(url: str, count: int, rounds: int) -> None:
    database = Database(url, timeout=60)
    threads = Threads(database)
    for number in range(rounds):
        await asyncio.gather(*[threads.accept(event(thread, number)) for thread in range(count)])
    await database.close()


async def _drain(url: str, total: int, pid: int) -> tuple[float, float]:
    """Wait until all events are handled: (events a second, µs of CPU for each) after the first fifth, the warm-up."""
    database = Database(url, timeout=60)
    threads = Threads(database)
    first = 0
    began = cpu = 0.0
    while True:
        handled = (await queues(threads)).handled
        if handled > total // 5 and not first:
            first, began, cpu = handled, time.perf_counter(), cpu_seconds(pid)
        if handled == total:
            seconds, used = time.perf_counter() - began, cpu_seconds(pid) - cpu
            await database.close()
            count = max(1, total - first)
            return count / seconds, used / count * 1e6
        await asyncio.sleep(0.02)


def run(
    processes: int = 1, concurrency: int = 100, threads: int = THREADS, rounds: int = ROUNDS
) -> tuple[float, float]:
    """One run with `rounds` events a thread: (events a second, µs of CPU of all workers for each)."""
    module = "worker" if processes == 1 else f"tools worker --processes {processes}"
    variables = {"ANSWERBACK_AGENTS": "tests.bench.noop:agents", "WORKER_CONCURRENCY": str(concurrency)}
    with server() as (url, _):
        bench.run(_fill(url, threads, rounds))
        with process(module, url, **variables) as worker:
            return bench.run(_drain(url, threads * rounds, worker.pid))
