"""Where faults happen: an Answerback under load with a worker that stays well, and what must hold afterwards."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from answerback.replies import DeadLetter
from answerback.testing.standins.signatures import Delivery
from tests.acceptance.sabotage import Struck, note, struck
from tests.acceptance.system import Process, Servers, System, until
from tests.acceptance.talks import Talk, judge
from tests.standins.client import StandIns

AGENTS = "tests.acceptance.faulty:agents"
LEASE = 1.5
PROMISE = LEASE + 1
"""Seconds after a crash until everything is answered."""
NOISE = 5.0
"""Seconds that a busy machine may add."""


class Scene:
    """A system, its platforms, and the conversations on them."""

    steady: Process
    """The worker that stays well, where there is one."""

    def __init__(self, folder: Path, system: System, standins: StandIns) -> None:
        self.system = system
        self.standins = standins
        self.log = folder / "struck"
        self.charges = folder / "charges"
        self.talks: list[Talk] = []
        self.accepted = 0
        self.folder = folder

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, servers: Servers | None = None, /, **settings: str) -> AsyncIterator[Self]:
        """With one ingress and no worker yet. SERVER is the program of a server that is not the usual one."""
        folder.mkdir(exist_ok=True)
        async with StandIns.start(folder) as standins:
            told = {
                "LEASE_SECONDS": str(LEASE),
                "CHARGES": str(folder / "charges"),
                "SABOTAGE_LOG": str(folder / "struck"),
                "PUBLIC_URL": standins.options.twilio_url,
            }
            server = settings.pop("SERVER", None)
            told |= {**standins.environment(), **settings}
            system = System(folder, told, binary=Path(server) if server else None, server=servers)
            await standins.send_webhooks_to(f"http://127.0.0.1:{system.port}/webhooks/{{platform}}")
            await system.open()
            try:
                await system.ingress()
                yield cls(folder, system, standins)
            finally:
                await system.close()

    async def worker(self, sabotage: str = "", agents: str = AGENTS, **settings: str) -> Process:
        """A worker, well or with a plan for its end."""
        program = "tests.acceptance.sabotaged worker"
        return await self.system.worker(agents, program, **settings, **({"SABOTAGE": sabotage} if sabotage else {}))

    def talk(self, platform: str, place: str = "", replies: int = 1) -> Talk:
        """A new conversation."""
        found = Talk(platform, len(self.talks) + 1, place, replies)
        self.talks.append(found)
        return found

    async def say(self, talk: Talk, words: str = "hello") -> str:
        """Say the next message of a conversation, until it is acknowledged. Its dispatch id."""
        return await self.deliver(talk, talk.say(words))

    async def deliver(self, talk: Talk, delivery: Delivery) -> str:
        """The same with a message that was said before, and may have been stored."""
        receipt = await self.system.deliver(talk.platform, delivery)
        assert receipt["status"] in ("accepted", "duplicate"), receipt
        self.accepted += 1
        id: str = receipt["dispatch_id"]
        return id

    @asynccontextmanager
    async def chatter(self) -> AsyncIterator[None]:
        """Talk on all platforms, all the while."""
        over = False

        async def ramble(talk: Talk) -> None:
            while not over:
                await self.say(talk)
                # A thread that rests may be claimed by another worker.
                await asyncio.sleep(random.uniform(0, 0.8))

        talks = [
            *(self.talk("github") for _ in range(4)),
            self.talk("slack", "C0TALK", replies=2),
            self.talk("slack"),
            self.talk("standard"),
        ]
        async with asyncio.TaskGroup() as group:
            for talk in talks:
                group.create_task(ramble(talk))
            try:
                yield
            finally:
                over = True

    async def provoke(self) -> Struck:
        """Talk until one more of the prepared faults has happened."""
        before = len(struck(self.log))

        async def more() -> list[Struck]:
            return struck(self.log)[before:]

        async with self.chatter():
            return (await until(more, what="the fault"))[0]

    def note(self, what: str, where: str) -> Struck:
        """Write down a fault that a test makes itself."""
        note(self.log, what, where, time.time_ns() // 1_000_000)
        return struck(self.log)[-1]

    @asynccontextmanager
    async def supervised(self, count: int, **settings: str) -> AsyncIterator[list[Process]]:
        """So many workers, each started anew when it dies. Yields those that died."""
        dead: list[Process] = []
        living: set[Process] = set()

        async def supervise() -> None:
            while True:
                worker = await self.worker(**settings)
                living.add(worker)
                await worker.wait(600)
                living.remove(worker)
                dead.append(worker)

        async def complete() -> bool:
            return len(living) == count

        tasks = [asyncio.create_task(supervise()) for _ in range(count)]
        try:
            yield dead
        finally:
            # One that is just being started would be left behind.
            await until(complete, what="every worker being there again")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for worker in living:
                assert await worker.stop() == 0, worker.words()

    async def dead(self) -> list[DeadLetter]:
        """The dead letters."""
        return [letter async for letter in self.system.letters.list()]

    async def check(self, within: float = 90.0) -> None:
        """Wait until all is answered; nothing may be lost, doubled or out of order."""
        await self.system.quiet(self.accepted, within=within)
        verdict = judge(self.talks, await self.standins.messages())
        assert verdict.good, verdict

    async def recovered(self, since: Struck) -> float:
        """Seconds from a fault to the last message posted."""
        messages = await self.standins.messages()
        return max(0.0, max(message.at for message in messages) - since.at) / 1000


async def died(process: Process) -> None:
    """A process has ended by kill -9."""
    assert await process.wait() == -signal.SIGKILL, process.words()


async def stopped(process: Process) -> None:
    """A process has stopped, as by SIGSTOP."""

    async def state() -> str:
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    await until(state, lambda found: found == "T", what="the process stopping")
