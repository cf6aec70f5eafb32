"""The job of a benchmark, in a worker of ours as in a peer's, and what it reports to the benchmark.

`WORK` says which: "count" reports how many jobs a second were done, once `JOBS` are; the first fifth is the warm-up.
"start" reports when each job began. "sleep" takes five seconds, and reports how late the event loop was meanwhile.

Reports are datagrams to the socket `REPORT`. Imports the standard library alone, since each peer has an environment of
its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import sys
import time
from collections.abc import Awaitable, Callable

TEXT = "What does the next release change for people who have pinned the old one?"
SECONDS = 5.0
"""How long a slow job takes."""
_TICK = 0.005
_WORK = os.environ.get("WORK", "count")
_JOBS = int(os.environ.get("JOBS", "0"))

_done = 0
_began = _cpu = 0.0
_running = _most = 0
_late: list[float] = []
_watcher: asyncio.Task[None] | None = None


def _report(what: object) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reporter:
        reporter.sendto(json.dumps(what).encode(), os.environ["REPORT"])


def run(number: int) -> None:
    """Do a job that does not wait."""
    global _done, _began, _cpu
    if _WORK == "start":
        _report([number, time.perf_counter()])
        return
    _done += 1
    if _done == _JOBS // 5:
        _began, _cpu = time.perf_counter(), time.process_time()
    if _done == _JOBS:
        seconds, cpu = time.perf_counter() - _began, time.process_time() - _cpu
        count = _JOBS - _JOBS // 5
        _report({"rate": count / seconds, "cpu": cpu / count * 1e6})


async def run_async(number: int) -> None:
    """Do a job that may wait."""
    global _done, _running, _most, _watcher
    if _WORK != "sleep":
        run(number)
        return
    _watcher = _watcher or asyncio.create_task(_watch())
    _running += 1
    _most = max(_most, _running)
    await asyncio.sleep(SECONDS)
    _running -= 1
    _done += 1
    if _done == _JOBS:
        _watcher.cancel()
        _late.sort()
        p50, p99 = (_late[len(_late) * percent // 100] for percent in (50, 99))
        _report({"p50": p50, "p99": p99, "max": _late[-1], "at once": _most})


async def _watch() -> None:
    """Note how late the event loop runs what is due, in ms."""
    while True:
        due = time.perf_counter() + _TICK
        await asyncio.sleep(_TICK)
        _late.append((time.perf_counter() - due) * 1000)


async def fill(enqueue: Callable[[int], Awaitable[object]], count: int) -> None:
    """Enqueue so many jobs, 100 at once."""
    for first in range(0, count, 100):
        await asyncio.gather(*[enqueue(number) for number in range(first, min(first + 100, count))])


async def starts(enqueue: Callable[[int], Awaitable[object]], count: int) -> list[list[float]]:
    """Enqueue one job at a time on an idle worker. Return the ms from the call, and from its return, to each start."""
    found = []
    pauses = random.Random(7)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reports:
        reports.bind(os.environ["REPORT"])
        reports.setblocking(False)
        loop = asyncio.get_running_loop()
        for number in range(-20, count):  # the first ones warm it up
            called = time.perf_counter()
            await enqueue(number)
            stored = time.perf_counter()
            started, at = json.loads(await asyncio.wait_for(loop.sock_recv(reports, 100), 60))
            if started != number:
                raise SystemExit(f"job {started} has started instead of {number}")
            if number >= 0:
                found.append([(at - called) * 1000, (at - stored) * 1000])
            await asyncio.sleep(pauses.uniform(0.005, 0.025))  # not in step with what polls
    return found


def main(enqueue: Callable[[int], Awaitable[object]], connect: Callable[[], Awaitable[object]] | None = None) -> None:
    """Run the command line of a peer: `fill N`, or `starts N`, which prints what it has found as JSON."""

    async def command() -> None:
        if connect:
            await connect()
        if sys.argv[1] == "fill":
            await fill(enqueue, int(sys.argv[2]))
        else:
            print(json.dumps(await starts(enqueue, int(sys.argv[2]))), flush=True)
            os._exit(0)  # without waiting for what a client may have left running

    asyncio.run(command())
