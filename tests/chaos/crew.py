"""The processes of a run: each has a place, and another one takes it when it ends, as a supervisor would see to."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from dataclasses import dataclass, field

from tests.acceptance.system import Process, System


@dataclass
class Place:
    """Where a worker or an ingress runs, now this process, now that. `plan`: what the next one is to die of."""

    program: str
    settings: dict[str, str]
    through: str = "tests.acceptance.sabotaged"
    plan: str = ""
    process: Process | None = None
    died: int = 0
    started: int = 0


@dataclass
class Crew:
    """All places. `awakenings`: when a process that had stood still went on, in ms."""

    system: System
    dice: random.Random
    places: list[Place] = field(default_factory=list)
    awakenings: list[int] = field(default_factory=list)
    _still: set[Process] = field(default_factory=set)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def hire(self, program: str, *, through: str = "tests.acceptance.sabotaged", **settings: str) -> None:
        """Keep a process running, started by a module through which it can be sabotaged."""
        place = Place(program, settings, through)
        self.places.append(place)
        self._tasks.append(asyncio.create_task(self._keep(place)))

    def of(self, program: str) -> list[Place]:
        """The places of one program."""
        return [place for place in self.places if place.program == program]

    def pause(self, process: Process) -> None:
        """Let it stand still."""
        process.signal(signal.SIGSTOP)
        self._still.add(process)

    def wake(self, process: Process) -> None:
        """Let it go on, if it stands still."""
        if process in self._still:
            # Written down before it is true: it may ask for something at once.
            self.awakenings.append(time.time_ns() // 1_000_000)
            process.signal(signal.SIGCONT)
            self._still.remove(process)

    async def replace(self, place: Place) -> None:
        """A rolling deploy: the old process is told to stop; its place is taken at once."""
        if (old := place.process) is None:
            return
        before, place.process = place.started, None
        while place.started == before:
            await asyncio.sleep(0.02)
        self.wake(old)
        # It ends by itself, unless the signal came before it was ready for one, or another fault before that. While
        # Redis stands still it cannot hand back what it holds, and gives up in the end.
        code = await old.stop()
        gave_up = code == 1 and "shutdown timed out; exiting" in old.words()
        assert gave_up or code in (0, -signal.SIGTERM, -signal.SIGKILL), old.words()[-2000:]

    async def dismiss(self) -> None:
        """Nobody is started again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, place: Place) -> None:
        while True:
            plan, place.plan = place.plan, ""
            more = {"SABOTAGE": plan} if plan else {}
            process = await self.system.start(f"{place.through} {place.program}", **place.settings, **more)
            place.process = process
            place.started += 1
            while place.process is process and process.alive:
                await asyncio.sleep(0.02)
            if place.process is process:
                place.died += 1
                place.process = None
                await asyncio.sleep(self.dice.uniform(0, 0.3))
