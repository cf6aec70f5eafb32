"""What goes wrong, and when: one fault after another, drawn by a seed, spread over the whole of a run."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from answerback.errors import StoreFull, StoreUnavailable
from answerback.store import keys
from answerback.store.connection.slots import slot
from answerback.store.threads.moves import Moves
from tests.acceptance.sabotage import struck
from tests.acceptance.scene import LEASE
from tests.chaos.crew import Crew, Place
from tests.chaos.newer import rewrite
from tests.standins.client import StandIns
from tests.stepped import SteppedServer
from tests.topologies.cluster import ClusterServers
from tests.topologies.sentinel import SentinelServers

Kind = Callable[[], Coroutine[Any, Any, None]]

MOMENTS = (
    "after-claim", "mid-step", "mid-charge", "before-record", "after-record", "before-commit", "after-commit",
    "before-post", "after-post", "before-settle",
)  # fmt: skip
POSTS = {
    "github": ("issues/create-comment",),
    "slack": ("chat.postMessage", "chat.postMessage", "chat.update", "files.completeUploadExternal", "reactions.add"),
    "standard": ("receive",),
    "telegram": ("sendMessage",),
    "twilio": ("messages.create",),
    "whatsapp": ("messages",),
    "model": ("chat.completions",),
}
PARTITIONS = 8
"""Of a Cluster."""
_PASSING = "refuses what it takes a moment later"
PLATFORM_FAULTS: dict[str, dict[str, Any]] = {
    "answers 500": {"do": "status", "status": 500},
    "asks to wait (429)": {"do": "rate-limit", "seconds": 1},
    _PASSING: {"do": "refuse"},
    "closes the connection": {"do": "drop"},
    "works, and closes the connection": {"do": "drop-after"},
    "works, and answers with half of it": {"do": "truncate"},
    "is slow": {"do": "stall", "seconds": LEASE / 3},
    "works, and answers too late": {"do": "stall-after", "seconds": 6},
    "hangs": {"do": "hang", "seconds": 60},
    "works after its client gave up": {"do": "stall", "seconds": 4},
    "answers 502, and works later": {"do": "late", "status": 502, "seconds": 1.5},
}
_REPLIES_ONLY = (
    "works, and answers too late", "hangs", "works after its client gave up", "answers 502, and works later",
)  # fmt: skip


class Monkey:
    """Makes `count` faults. `done` counts them by kind, `seconds` are the recoveries'."""

    def __init__(
        self,
        crew: Crew,
        standins: StandIns,
        count: int,
        dice: random.Random,
        *,
        long: bool,
        clock: SteppedServer | None = None,
    ) -> None:
        self._crew = crew
        self._system = crew.system
        self._standins = standins
        self._count = count
        self._dice = dice
        self._long = long
        self._clock = clock
        self._redis = asyncio.Lock()
        self._layout = asyncio.Lock()
        self._rules: dict[int, str] = {}
        self.done: Counter[str] = Counter()
        self.newer: set[str] = set()
        """Events whose entries were rewritten as newer code writes them."""
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self._outages = 0

    async def run(self, progress: Callable[[], float]) -> None:
        """Spread the faults over the load's progress; several may be under way at once."""
        kinds = self._draw()
        async with asyncio.TaskGroup() as group:
            for number, kind in enumerate(kinds):
                while progress() < (number + 0.5) / len(kinds):
                    await asyncio.sleep(0.02)
                group.create_task(kind())
        for fault in await self._standins.faults():
            self.done[self._rules[fault.id]] += fault.fired
            await self._standins.remove_fault(fault.id)

    def _draw(self) -> list[Kind]:
        shares: list[tuple[Kind, int]] = [
            (self._kill_worker, 3),
            (self._kill_worker_at_a_moment, 8),
            (self._stop_worker, 3),
            (self._replace_worker, 2),
            (self._kill_ingress, 2),
            (self._kill_ingress_at_a_moment, 2),
            (self._replace_ingress, 1),
            (self._kill_redis, 2),
            (self._stop_redis, 2),
            (self._fill_memory, 1),
            (self._break_platform, 8),
            (self._roll_back, 1),
            (self._change_partitions, 1),
        ]
        if isinstance(self._system.server, ClusterServers):
            shares.append((partial(self._move_slot, self._system.server), 3))
        if self._clock is not None:
            shares += [(partial(self._set_clock, self._clock, seconds), 1) for seconds in (6, 60, -6, -60)]
        # Each kind at least once, where there is room for all; the rest by their shares.
        kinds = [kind for kind, _ in shares]
        more = max(0, self._count - len(kinds))
        kinds += self._dice.choices(kinds, [share for _, share in shares], k=more)
        kinds = kinds[: self._count]
        self._dice.shuffle(kinds)
        return kinds

    # Workers -------------------------------------------------------------------------------------

    async def _kill_worker(self) -> None:
        place = self._dice.choice(self._crew.of("worker"))
        if await self._kill(place):
            self.done["kill -9 of a worker"] += 1

    async def _kill_worker_at_a_moment(self) -> None:
        moment = self._dice.choice(MOMENTS)
        number = self._dice.randint(1, 5 if moment == "mid-charge" else 40)
        await self._kill_at(self._dice.choice(self._crew.of("worker")), f"kill {moment} {number}")

    async def _stop_worker(self) -> None:
        process = self._dice.choice(self._crew.of("worker")).process
        if process is None:
            return
        self._crew.pause(process)
        await asyncio.sleep(self._dice.uniform(0.5, 3) * LEASE)
        self._crew.wake(process)
        self.done["a worker stands still (SIGSTOP)"] += 1

    async def _replace_worker(self) -> None:
        await self._crew.replace(self._dice.choice(self._crew.of("worker")))
        self.done["rolling deploy of a worker (SIGTERM)"] += 1

    # Ingress -------------------------------------------------------------------------------------

    async def _kill_ingress(self) -> None:
        if await self._kill(self._dice.choice(self._crew.of("ingress"))):
            self.done["kill -9 of ingress"] += 1

    async def _kill_ingress_at_a_moment(self) -> None:
        moment = self._dice.choice(("before-store", "after-store"))
        place = self._dice.choice(self._crew.of("ingress"))
        await self._kill_at(place, f"kill {moment} {self._dice.randint(1, 40)}")

    async def _replace_ingress(self) -> None:
        # Its port must be free before another can have it.
        place = self._dice.choice(self._crew.of("ingress"))
        if place.process is not None:
            place.process.signal(signal.SIGTERM)
            self.done["rolling deploy of ingress (SIGTERM)"] += 1

    # Redis ---------------------------------------------------------------------------------------

    async def _kill_redis(self) -> None:
        async with self._redis:
            self._outages += 1
            await asyncio.to_thread(self._system.server.kill)
            if isinstance(self._system.server, ClusterServers | SentinelServers):
                await asyncio.to_thread(self._system.server.failed_over)
            await asyncio.sleep(self._dice.uniform(0, 0.5))
            await asyncio.to_thread(self._system.server.start)
            self._outages += 1
            self.done["kill -9 of Redis"] += 1

    async def _stop_redis(self) -> None:
        async with self._redis:
            self._outages += 1
            seconds, self._long = (20.0, False) if self._long else (self._dice.uniform(0.2, 2 * LEASE), False)
            pid = await asyncio.to_thread(lambda: self._system.server.pid)
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
            os.kill(pid, signal.SIGCONT)
            # Another one may have taken over: this one has to find that out.
            await asyncio.to_thread(self._system.server.start)
            self._outages += 1
            self.done["Redis stands still for 20 s" if seconds == 20 else "Redis stands still (SIGSTOP)"] += 1

    async def _fill_memory(self) -> None:
        async with self._redis:
            with suppress(StoreUnavailable):
                await self._configure("maxmemory", "1")
                await asyncio.sleep(self._dice.uniform(0.2, 1.5))
                self.done["Redis is full (maxmemory)"] += 1
            await self._configure("maxmemory", "0")

    async def _configure(self, name: str, value: str) -> None:
        if isinstance(self._system.server, ClusterServers | SentinelServers):
            await asyncio.to_thread(self._system.server.configure, name, value)
        else:
            await self._system.database.call("CONFIG", "SET", name, value)

    async def _move_slot(self, cluster: ClusterServers) -> None:
        """Move the slot of a partition to another primary."""
        async with self._redis:
            number = slot(keys.counters(self._dice.randrange(PARTITIONS)))
            await asyncio.to_thread(cluster.migrate, number)
            self.done["a slot moves to another primary"] += 1

    async def _change_partitions(self) -> None:
        async with self._layout:
            moves = Moves(self._system.threads)
            begun = False
            while True:
                with suppress(StoreUnavailable, StoreFull):
                    if not begun:
                        begun = await moves.begin(self._dice.choice([1, 3, 4, 16])) == "begun"
                        self.done["another number of partitions"] += begun
                    elif (await moves.progress()).former is None:
                        return
                await asyncio.sleep(0.1)

    async def _roll_back(self) -> None:
        """Newer code wrote an entry, and was rolled back."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with suppress(StoreUnavailable, StoreFull):
                if id := await rewrite(self._system.threads, self._dice):
                    self.newer.add(id)
                    self.done["an entry that only newer code can read"] += 1
                    return
            await asyncio.sleep(0.02)

    async def _set_clock(self, clock: SteppedServer, seconds: int) -> None:
        clock.step(seconds)
        self.done[f"the clock of Redis is set {'forward' if seconds > 0 else 'back'} by {abs(seconds)} s"] += 1

    # Platforms -----------------------------------------------------------------------------------

    async def _break_platform(self) -> None:
        kind = self._dice.choice(list(PLATFORM_FAULTS))
        platforms = [name for name in POSTS if name != "model" or kind not in _REPLIES_ONLY]
        platform = self._dice.choice(platforms)
        rule = await self._standins.add_fault(
            platform=platform,
            operation=self._dice.choice(POSTS[platform]),
            # Refused more often than that, a reply is a dead letter, as it should be.
            times=self._dice.randint(1, 3 if kind == _PASSING else 6),
            probability=0.3,
            seed=self._dice.randrange(10_000),
            **PLATFORM_FAULTS[kind],
        )
        self._rules[rule] = f"{'the model' if platform == 'model' else platform} {kind}"

    # How -----------------------------------------------------------------------------------------

    async def _kill(self, place: Place) -> bool:
        process = place.process
        if process is None or not process.alive:
            return False
        process.signal(signal.SIGKILL)
        await self._watch(place.program, process.pid)
        return True

    async def _kill_at(self, place: Place, plan: str) -> None:
        """Let the next process of this place die at a moment: it may take a while until that comes."""
        log = self._crew.system.folder / "struck"
        before = len(struck(log))
        place.plan = plan
        await self._crew.replace(place) if place.program == "worker" else await self._kill(place)
        _, where, _ = plan.split()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if found := [one for one in struck(log)[before:] if one.what == "kill" and one.where == where]:
                self.done[f"kill -9 of {'a worker' if place.program == 'worker' else 'ingress'}, {where}"] += 1
                await self._watch(place.program, found[0].pid)
                return
            await asyncio.sleep(0.02)

    async def _watch(self, program: str, pid: int) -> None:
        """How long it takes until nothing is in the hands of a dead worker any more."""
        if program != "worker":
            return
        began, outages = time.monotonic(), self._outages
        with suppress(StoreUnavailable, StoreFull):
            while time.monotonic() < began + 30 and outages == self._outages:
                if not await self._holds(pid):
                    self.seconds["a dead worker's threads are taken over"].append(time.monotonic() - began)
                    return
                await asyncio.sleep(0.05)

    async def _holds(self, pid: int) -> bool:
        database = self._system.database
        for p in await self._system.threads.partitions.all():
            ids = [id.decode() for id in await database.call("ZRANGE", keys.queue(p, "ready"), 0, -1)]
            owners = await database.together(*[("HGET", keys.thread(p, id), "owner") for id in ids]) if ids else []
            if any(owner and f"-{pid}-".encode() in owner for owner in owners):
                return True
        return False
