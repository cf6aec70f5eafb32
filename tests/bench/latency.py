"""How soon an idle worker begins with what is enqueued, and how late its event loop is with 2,000 slow turns."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from answerback.events import Event
from answerback.messages import Author
from answerback.store.redis import Database
from answerback.store.threads.threads import Threads
from tests.bench import bench
from tests.bench.bench import process, reports, server
from tests.bench.peers import work

AGENTS = "tests.bench.working:agents"
SLOW = 2_000
"""Turns at once."""


def starts(count: int) -> list[list[float]]:
    """Return the ms from the call that stores an event, and from its return, to the start of the agent."""
    with (
        server() as running,
        reports(bind=False) as report,
        process("worker", running.url, ANSWERBACK_AGENTS=AGENTS, REPORT=report.path, WORK="start"),
    ):
        os.environ["REPORT"] = report.path
        return bench.run(_with(running.url, lambda accept: work.starts(accept, count)))


def lag(jobs: int, at_once: int = SLOW) -> dict[str, float]:
    """Return how late the event loop of a worker is while it has so many slow turns, in ms: p50, p99, max."""
    variables = {"ANSWERBACK_AGENTS": AGENTS, "WORKER_CONCURRENCY": str(at_once), "WORK": "sleep", "JOBS": str(jobs)}
    with server() as running, reports() as report:
        bench.run(_with(running.url, lambda accept: work.fill(accept, jobs)))
        with process("worker", running.url, REPORT=report.path, **variables) as worker:
            found: dict[str, float] = report.wait(worker)
            return found


_Enqueue = Callable[[int], Awaitable[object]]
_Result = TypeVar("_Result")


async def _with(url: str, use: Callable[[_Enqueue], Awaitable[_Result]]) -> _Result:
    """Call something with a function that stores an event of a new thread."""
    database = Database(url, timeout=60)
    threads = Threads(database)
    try:
        return await use(lambda number: threads.accept(_event(number)))
    finally:
        await database.close()


def _event(number: int) -> Event:
    return Event(
        delivery=f"standard:bench-{number}",
        thread=f"standard:bench-{number}",
        kind="message.created",
        text=str(number),
        author=Author("u1", "Ada"),
        direct=True,
    )
