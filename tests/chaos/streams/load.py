"""What people write to the writers, and which turns they stop."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from answerback.errors import StoreFull, StoreUnavailable
from answerback.testing.standins.sender import Delivery, GitHub, Slack
from tests.acceptance.system import System

EPOCH = 1_700_000_000
AT_ONCE = 30
"""Messages that may wait or be answered."""
DEEDS = ("", "", "", "", "reply", "call", "fail", "fails", "step", "stop", "interrupt")
REWRITES = ("", "", "silent", "replies", "stop")


@dataclass
class Thread:
    """A thread on a platform. `number`: of its issue, or in its first message's time."""

    platform: str
    number: int
    agent: str
    said: int = 0

    @property
    def channel(self) -> str:
        return f"acme/{self.agent}" if self.platform == "github" else f"C0{self.agent.upper()}"

    @property
    def root(self) -> str:
        return f"{EPOCH + self.number}.000000"

    def say(self, words: str) -> Delivery:
        """The next message."""
        self.said += 1
        if self.platform == "github":
            return GitHub(repo=self.channel).issue_comment(words, number=self.number)
        stamp = f"{EPOCH + self.number}.{self.said:06d}"
        return Slack(channel=self.channel).message(words, ts=stamp, thread_ts=self.root)


@dataclass
class Load:
    """So many messages, in threads of a few each."""

    system: System
    messages: int
    dice: random.Random
    sent: int = 0
    stopped: int = 0
    ids: dict[str, Thread] = field(default_factory=dict)

    async def run(self) -> None:
        """Send everything."""
        threads = [
            Thread(
                "github" if self.dice.random() < 0.3 else "slack",
                number + 1,
                "rewrite" if self.dice.random() < 0.25 else "write",
            )
            for number in range(max(2, self.messages // 3))
        ]
        async with asyncio.TaskGroup() as group:
            while self.sent < self.messages:
                await self._room()
                self.sent += 1
                thread = self.dice.choice(threads)
                deed = self.dice.choice(REWRITES if thread.agent == "rewrite" else DEEDS)
                length = int(self.dice.choice((120, 400, 900, 2500)) * self.dice.uniform(0.3, 2))
                if thread.agent == "rewrite":
                    length = min(length, 1200)
                seconds = self.dice.choice((0.0, 0.2, 0.6, 1.5, 3.0))
                order = f"write {length} in {seconds} s" + (f", {deed}" if deed else "")
                receipt = await self.system.deliver(thread.platform, thread.say(order))
                self.ids[receipt["thread"]] = thread
                if deed == "stop":
                    self.stopped += 1
                    group.create_task(self._stop(receipt["thread"], self.dice.uniform(0.1, 1.5)))

    async def _stop(self, thread: str, after: float) -> None:
        await asyncio.sleep(after)
        await self.system.threads.cancel(thread)

    async def _room(self) -> None:
        while True:
            try:
                if (await self.system.queues()).events_waiting < AT_ONCE:
                    return
            except (StoreUnavailable, StoreFull):
                pass
            await asyncio.sleep(0.05)
