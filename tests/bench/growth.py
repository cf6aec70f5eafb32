"""What many threads, a long backlog and a long thread cost: memory, and whether anything becomes slower."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from answerback.events import Event
from answerback.messages import Author
from answerback.store.chats.chats import Chats
from answerback.store.redis import Database
from answerback.store.threads.queues import queues
from answerback.store.threads.threads import Threads
from tests.bench import bench
from tests.bench.bench import ROOT, percentile, process, server
from tests.bench.sizes import used

AGENTS = "tests.bench.noop:agents"
WORKSPACE = "default"


class Growth(NamedTuple):
    """What has been measured.

    Attributes:
        thread, chat, message: Bytes in Redis of a thread of two messages, of an empty chat thread, and of a message and
            its answer in a long thread.
        accept_first, accept_last: ms to store one event, p50, on an empty server and with the whole backlog.
        rate_first, rate_last: Turns a second while the first and the last quarter of the backlog is handled.
        turn_few, turn_many, turn_long: ms from storing an event until it is handled, p50, with few threads, with many,
            and in the long thread.
        queue_few, queue_many: Seconds that `answerback queue` takes, with few threads and with many.
    """

    thread: float
    chat: float
    message: float
    accept_first: float
    accept_last: float
    rate_first: float
    rate_last: float
    turn_few: float
    turn_many: float
    turn_long: float
    queue_few: float
    queue_many: float


def _event(thread: str, number: int) -> Event:
    return Event(
        delivery=f"standard:{thread}-{number}",
        thread=f"standard:{thread}",
        kind="message.created",
        text="What does the next release change for people who have pinned the old one?",
        author=Author("u1", "Ada"),
        direct=True,
    )


async def _in_groups(count: int, do: Callable[[int], Awaitable[object]]) -> None:
    for first in range(0, count, 1_000):
        await asyncio.gather(*[do(number) for number in range(first, min(first + 1_000, count))])


async def _p50(count: int, do: Callable[[int], Awaitable[object]]) -> float:
    """Do something one at a time. Return the ms that it takes, p50."""
    times = []
    for number in range(count):
        began = time.perf_counter()
        await do(number)
        times.append((time.perf_counter() - began) * 1000)
    return percentile(sorted(times), 50)


class _Turns:
    """Stores events, and waits until they are handled."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    async def handled(self) -> int:
        return (await queues(self._threads)).handled

    async def wait(self, total: int, pause: float = 0.02) -> None:
        while await self.handled() < total:
            await asyncio.sleep(pause)

    async def one(self, thread: str, number: int) -> None:
        """Store an event of a thread, and wait until it is handled."""
        before = await self.handled()
        await self._threads.accept(_event(thread, number))
        while await self.handled() == before:
            await asyncio.sleep(0)


def _queue(url: str) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-m", "tools", "queue"]
    subprocess.run(command, cwd=ROOT, env={"REDIS_URL": url}, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


async def _measure(url: str, many: int, chats: int, long: int, samples: int) -> Growth:
    database = Database(url, timeout=60)
    threads = Threads(database)
    turns = _Turns(threads)

    async def accept(number: int) -> None:
        await threads.accept(_event(f"many-{number}", 0))

    found: dict[str, float] = {}
    found["accept_first"] = await _p50(samples, lambda number: threads.accept(_event(f"first-{number}", 0)))
    with process("worker", url, ANSWERBACK_AGENTS=AGENTS):
        await turns.wait(samples)
        found["turn_few"] = await _p50(samples, lambda number: turns.one(f"few-{number}", 0))
        found["queue_few"] = min(_queue(url) for _ in range(3))
    empty = await used(database)
    await _in_groups(chats, lambda number: Chats(threads).open(WORKSPACE))
    found["chat"] = (await used(database) - empty) / chats
    handled, empty = await turns.handled(), await used(database)
    await _in_groups(many, accept)
    found["accept_last"] = await _p50(samples, lambda number: threads.accept(_event(f"last-{number}", 0)))
    backlog = many + samples
    with process("worker", url, ANSWERBACK_AGENTS=AGENTS):
        reached = [(handled, 0.0)]
        for part in (0.02, 0.25, 0.75, 1):
            await turns.wait(handled + int(backlog * part))
            reached.append((await turns.handled(), time.perf_counter()))
        (_, _), (a, begun), (b, first), (c, third), (d, end) = reached
        found["rate_first"], found["rate_last"] = (b - a) / (first - begun), (d - c) / (end - third)
        found["thread"] = (await used(database) - empty) / backlog
        found["turn_many"] = await _p50(samples, lambda number: turns.one(f"among-{number}", 0))
        found["queue_many"] = min(_queue(url) for _ in range(3))
        handled, empty = await turns.handled(), await used(database)
        await _in_groups(long, lambda number: threads.accept(_event("long", number)))
        await turns.wait(handled + long)
        found["message"] = (await used(database) - empty) / long
        found["turn_long"] = await _p50(samples, lambda number: turns.one("long", long + number))
    await database.close()
    return Growth(**found)


def run(many: int = 200_000, chats: int = 20_000, long: int = 5_000, samples: int = 200) -> Growth:
    """One run: a backlog of `many` threads, and a thread of `long` messages and as many answers."""
    with server() as (url, _):
        return bench.run(_measure(url, many, chats, long, samples))
