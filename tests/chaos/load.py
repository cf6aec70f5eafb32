"""Hundreds of conversations: what their providers send, until it is acknowledged, and sometimes twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress

import aiohttp

from answerback.errors import StoreFull, StoreUnavailable
from answerback.store import keys
from answerback.testing.standins.sender import Delivery
from tests.acceptance.system import System
from tests.acceptance.talks import Talk, event_of
from tests.standins.client import StandIns

KINDS = [
    # platform, place, replies to each message, share
    ("github", "acme/steps", 1, 20),
    ("github", "acme/talk", 2, 10),
    ("github", "acme/model", 1, 15),
    ("slack", "C0TALK", 2, 15),
    ("slack", "C0MODEL", 1, 10),
    ("slack", "C0STEPS", 1, 5),
    ("slack", "C0ASK", 1, 10),
    ("slack", "C0FILE", 1, 5),
    ("standard", "steps", 1, 15),
    ("standard", "pay", 1, 10),
    ("telegram", "-1002000000001", 1, 10),
    ("telegram", "-1002000000002", 2, 5),
    ("twilio", "+15005550006", 1, 10),
    ("twilio", "+15005550010", 2, 5),
    ("whatsapp", "106500000000001", 1, 10),
    ("whatsapp", "106500000000002", 2, 5),
]
"""Who is asked where: see the agents' `listen`."""

BACKLOG = 250
"""Events that may wait: providers are as quick as we are, so that turns run when faults happen."""

_TOOL = 'use tool find {"topic": "TOKEN"}'


class Load:
    """What is sent, and what the receipts say."""

    def __init__(
        self,
        system: System,
        ports: list[int],
        events: int,
        poison: int,
        dice: random.Random,
        *,
        sockets: StandIns | None = None,
    ) -> None:
        self._system = system
        self._sockets = sockets
        """Sends half of Slack's messages over its WebSockets; None: all go to ingress."""
        self._ports = ports
        self._dice = dice
        self.events = events
        self.sent = 0
        self.answers: Counter[str] = Counter()
        self.requests = 0
        """Model requests that are needed."""
        self.deeds: dict[tuple[str, int], str] = {}
        """What certain messages make their agents do."""
        self.dispatches: dict[str, tuple[Talk, int]] = {}
        threads = max(24, min(500, events // 20))
        weights = [kind[3] for kind in KINDS]
        self.talks: list[Talk] = []
        for number in range(threads):
            # One of each kind at least.
            kind = KINDS[number] if number < len(KINDS) else self._dice.choices(KINDS, weights)[0]
            platform, place, replies, _ = kind
            self.talks.append(Talk(platform, number + 1, place, replies))
        self._room = asyncio.Event()
        self._room.set()
        bad = ["raise 2", "kill 1", "kill 2", "raise always", "kill always"]
        self._bad = {self._dice.randrange(events // 10, events): bad[number % 5] for number in range(poison)}

    async def run(self) -> None:
        """Send everything."""
        free = list(self.talks)
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch())
            connections = [group.create_task(self._connection(free)) for _ in range(min(32, len(self.talks) // 2))]
            await asyncio.wait(connections)
            watch.cancel()

    @property
    def progress(self) -> float:
        """How much of it is sent, 0 to 1."""
        return self.sent / self.events

    async def _watch(self) -> None:
        while True:
            try:
                waiting = (await self._system.queues()).events_waiting
            except (StoreUnavailable, StoreFull):
                waiting = 0
            self._room.set() if waiting < BACKLOG else self._room.clear()
            await asyncio.sleep(0.1)

    async def _connection(self, free: list[Talk]) -> None:
        while self.sent < self.events:
            await self._room.wait()
            number, self.sent = self.sent, self.sent + 1
            talk = free.pop(self._dice.randrange(len(free)))
            words = self._words(talk, number)
            if self._sockets and talk.platform == "slack" and self._dice.random() < 0.5:
                await self._over_socket(self._sockets, talk, words)
                free.append(talk)
                continue
            press = talk.place == "C0ASK" and talk.said > 0 and self._dice.random() < 0.5
            ordinal, delivery = talk.said, talk.press() if press else talk.say(words)
            receipt = await self._deliver(talk.platform, delivery)
            self.dispatches[receipt["dispatch_id"]] = (talk, ordinal)
            if self._dice.random() < 0.05 and not press:
                again = await self._deliver(talk.platform, delivery)
                assert again["dispatch_id"] == receipt["dispatch_id"]
                known = again.get("status", "duplicate") == "duplicate"
                assert known or again["reason"] == "replayed from the dead letters", again
            free.append(talk)
            await asyncio.sleep(self._dice.uniform(0, 0.02))

    async def _over_socket(self, sockets: StandIns, talk: Talk, words: str) -> None:
        """Send the next message over a WebSocket, and wait until it is stored: Slack keeps no order of its own."""
        ordinal, event = talk.said, event_of("slack", talk.say(words))
        self.dispatches[event.id] = (talk, ordinal)
        where = {"channel": event.channel, "ts": event.message, "thread_ts": str(event.address["thread_ts"])}
        await sockets.act("slack", "say", text=event.text, user=event.author.id, **where)
        while True:
            with suppress(StoreUnavailable, StoreFull):
                p = await self._system.threads.locate(event.thread)
                if await self._system.database.call("GET", keys.seen(p, event.delivery)):
                    break
            await asyncio.sleep(self._dice.uniform(0.02, 0.1))
        self.answers["over a WebSocket"] += 1

    async def say(self, talk: Talk, words: str = "react") -> dict[str, str]:
        """Say one more thing in a conversation of somebody else's. Its receipt."""
        ordinal, delivery = talk.said, talk.say(words)
        receipt = await self._deliver(talk.platform, delivery)
        self.dispatches[receipt["dispatch_id"]] = (talk, ordinal)
        return receipt

    def _words(self, talk: Talk, number: int) -> str:
        deed = self._bad.get(number)
        if deed and talk.place in ("acme/steps", "C0STEPS", "steps"):
            self.deeds[talk.name, talk.said] = deed
            return deed
        if deed:  # not here: the next one
            self._bad[number + 1] = deed
        if talk.place == "pay" and self._dice.random() < 0.2:
            # The step raises after its effect: the outcome is unknown, and an operator has to decide.
            self.deeds[talk.name, talk.said] = "lose 9"
            return "lose 9"
        if talk.place in ("acme/model", "C0MODEL"):
            self.requests += 1
            if self._dice.random() < 0.5:
                self.requests += 1
                return _TOOL
        return f"wait {self._dice.uniform(0, 1):.2f}" if self._dice.random() < 0.05 else "hello"

    async def _deliver(self, platform: str, delivery: Delivery) -> dict[str, str]:
        """As a provider does it, only with less patience between two tries."""
        while True:
            port = self._dice.choice(self._ports)
            try:
                status, receipt = await self._system.post(platform, delivery, port)
            except (aiohttp.ClientError, OSError):
                self.answers["no answer"] += 1
            else:
                self.answers[f"{status} {receipt.get('status', '')}".strip()] += 1
                if status == 202 or "dispatch_id" in receipt:
                    return receipt
                if status == 200:
                    # The platform expects an answer of its own, which is no receipt.
                    return {"dispatch_id": event_of(platform, delivery).id}
                assert status == 503, (status, receipt)
            await asyncio.sleep(self._dice.uniform(0.02, 0.2))
