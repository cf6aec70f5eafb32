"""Events a second through claim → run → commit in one worker process: no-op agent, reply recorded."""

from __future__ import annotations

import asyncio
import time

from answerback.events import Event
from answerback.messages import Author
from answerback.store.redis import Database
from answerback.store.threads.queues import queues
from answerback.store.threads.threads import Threads
from tests.bench.bench import cpu_seconds, process, server

THREADS = 5_000
ROUNDS = 8
CHATS = 20_000
"""Threads of one event each, as people write in chats: every turn is a claim of its own."""


def _event(thread: int, number: int) -> Event:
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
        await asyncio.gather(*[threads.accept(_event(thread, number)) for thread in range(count)])
    await database.close()


async def _drain(url: str, total: int) -> tuple[float, float]:
    """When the first event was seen handled and when the last one was, and how many between: (events, seconds)."""
    database = Database(url, timeout=60)
    threads = Threads(database)
    first: tuple[float, int] | None = None
    while True:
        handled = (await queues(threads)).handled
        now = time.perf_counter()
        if handled and first is None:
            first = (now, handled)
        if handled == total and first is not None:
            await database.close()
            return handled - first[1], now - first[0]
        await asyncio.sleep(0.02)


def run(
    processes: int = 1, concurrency: int = 100, threads: int = THREADS, rounds: int = ROUNDS
) -> tuple[float, float]:
    """One run with `rounds` events a thread: (events a second, µs of CPU of all workers for each)."""
    module = "worker" if processes == 1 else f"tools worker --processes {processes}"
    with server() as (url, _):
        asyncio.run(_fill(url, threads, rounds))
        with process(
            module, url, ANSWERBACK_AGENTS="tests.bench.noop:agents", WORKER_CONCURRENCY=str(concurrency)
        ) as worker:
            before = cpu_seconds(worker.pid)
            events, seconds = asyncio.run(_drain(url, threads * rounds))
            cpu = cpu_seconds(worker.pid) - before
    return events / seconds, cpu / (threads * rounds) * 1e6
