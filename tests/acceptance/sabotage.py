"""Faults at chosen moments: the product's own functions are wrapped from outside, and a process dies, or stops, there.

The product knows nothing of this. `python -m tests.acceptance.sabotaged worker` (or `ingress`) reads:

SABOTAGE      "kill before-commit 3": what to do (kill, stop), where, and the how-manieth time; several with ";"
SABOTAGE_LOG  the file in which each fault is noted before it happens: "kill before-commit <pid> <ms>"
RECORDED      the file in which each recorded answer of a model is noted
CLOCK_OFF     seconds by which this process's clock is wrong
MEMORY        how many MB it gets
"""

from __future__ import annotations

import functools
import os
import re
import resource
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}

_ANSWER = re.compile(rb"chatcmpl-([0-9a-f]{8})")
_SHOWS = ("Stream", "/chat.update", "/chat.delete")
_POSTS = ("/comments", "/replies", "/graphql", "/chat.postMessage", "/standard")


When = Callable[..., bool]


def _always(*_: object) -> bool:
    return True


class Struck(NamedTuple):
    """A fault that happened. `at` is in ms since 1970."""

    what: str
    where: str
    pid: int
    at: int


class Sabotage:
    """What is to happen in this process."""

    def __init__(self, plan: str, log: Path) -> None:
        self._plan = {
            (where, int(number)): what
            for what, where, number in (order.split() for order in plan.split(";") if order.strip())
        }
        self._log = log
        self._reached: Counter[str] = Counter()
        self.real_time = time.time

    def reach(self, where: str) -> None:
        """A process is at this moment now."""
        self._reached[where] += 1
        if what := self._plan.get((where, self._reached[where])):
            note(self._log, what, where, int(self.real_time() * 1000))
            os.kill(os.getpid(), SIGNALS[what])

    def wrap(self, owner: Any, name: str, *, before: str = "", after: str = "", when: When = _always) -> None:
        """Put moments before and after an async method. `when` looks at its arguments, and says whether they count."""
        original: Callable[..., Awaitable[Any]] = getattr(owner, name)

        @functools.wraps(original)
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            counts = when(*args)
            if before and counts:
                self.reach(before)
            result = await original(*args, **kwargs)
            if after and counts:
                self.reach(after)
            return result

        setattr(owner, name, wrapped)


def note(log: Path, what: str, where: str, at: int) -> None:
    """Write a fault down: appended in one piece, and there even when the process is not."""
    _append(log, f"{what} {where} {os.getpid()} {at}")


def _append(path: Path, line: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{line}\n".encode())
    os.close(file)


def struck(log: Path) -> list[Struck]:
    """The faults that happened."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [Struck(what, where, int(pid), int(at)) for what, where, pid, at in map(str.split, lines)]


def arm(environment: Mapping[str, str]) -> None:
    """Prepare this process, before it imports anything of the product."""
    sabotage = Sabotage(environment.get("SABOTAGE", ""), Path(environment.get("SABOTAGE_LOG", os.devnull)))
    if off := float(environment.get("CLOCK_OFF", "0")):
        time.time = lambda: sabotage.real_time() + off
    if megabytes := int(environment.get("MEMORY", "0")):
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 1_000_000,) * 2)
    from answerback.http.platform import PlatformHttp
    from answerback.steps import Record
    from answerback.store.fleet.accounts import Accounts
    from answerback.store.threads.outbox import Outbox
    from answerback.store.threads.threads import Threads

    record = msgspec.msgpack.Decoder(Record)

    def finishes(_: Threads, step: Any) -> bool:
        return record.decode(step.record).state == "done"

    def posts(_: PlatformHttp, request: Any, *__: object) -> bool:
        return request.method == "POST" and any(part in request.url for part in _POSTS)

    def shows(_: PlatformHttp, request: Any, *__: object) -> bool:
        return any(part in request.url for part in _SHOWS) or (
            request.method in ("PATCH", "DELETE") and "/comments/" in request.url
        )

    def claims(_: Threads, __: int, taken: Any, *___: object) -> bool:
        return bool(taken.threads)

    if recorded := environment.get("RECORDED"):
        _keep_records(Threads, Path(recorded), sabotage.real_time)
    sabotage.wrap(Threads, "accept", before="before-store", after="after-store")
    sabotage.wrap(Threads, "claim", after="after-claim", when=claims)
    sabotage.wrap(Threads, "step", before="before-record", after="after-record", when=finishes)
    sabotage.wrap(Threads, "commit", before="before-commit", after="after-commit")
    sabotage.wrap(Outbox, "mark_sending", after="before-post")
    sabotage.wrap(PlatformHttp, "_request", after="after-post", when=posts)
    sabotage.wrap(Threads, "show", before="before-show", after="after-show")
    sabotage.wrap(PlatformHttp, "_request", before="before-shown", after="after-shown", when=shows)
    sabotage.wrap(Outbox, "settle", before="before-settle", after="after-settle")
    sabotage.wrap(Outbox, "defer", before="before-defer", after="after-defer")
    sabotage.wrap(Accounts, "replace", before="before-renewed")
    moments.append(sabotage.reach)


def _keep_records(threads: Any, path: Path, clock: Callable[[], float]) -> None:
    """Write down which answers of the model stand-in are recorded, and since when: "<mark> <ms>"."""
    original = threads.step

    @functools.wraps(original)
    async def step(self: object, step: Any) -> None:
        await original(self, step)
        for mark in _ANSWER.findall(step.record):
            _append(path, f"{mark.decode()} {int(clock() * 1000)}")

    threads.step = step


moments: list[Callable[[str], None]] = []


def reach(where: str) -> None:
    """For agents: a moment of their own, such as the middle of a step."""
    for moment in moments:
        moment(where)
