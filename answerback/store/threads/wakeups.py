"""Waiting for work in many partitions on one connection."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict

from answerback.store.redis import Database
from answerback.store.stream.subscription import Subscription


class Wakeups:
    """Wakes those that wait for tokens; see lua/with/wake.lua. A blocking call would need a connection a partition."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscription = Subscription(database, self._announce, self._missed)
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._named: dict[str, bytes] = {}
        """The thread that the last token of a list names."""
        self._listening: asyncio.Task[None] | None = None

    async def wait(self, tokens: str, seconds: float) -> bytes:
        """Return when a token in the list `tokens` was taken, or after `seconds` at most. Raises `StoreUnavailable`.

        Return the thread that it names, if it does and was announced.
        """
        if self._listening is None:
            self._listening = asyncio.create_task(self._subscription.keep())
        announced = asyncio.Event()
        self._waiting[tokens].add(announced)
        try:
            # Not all partitions at the same moment: that would take a connection for each.
            async with asyncio.timeout(seconds * random.uniform(0.5, 1)):
                # A token that comes before this is taken below, and a later one is announced.
                await self._subscription.add(tokens)
                while not await self._database.call("DEL", tokens):
                    await announced.wait()
                    announced.clear()
                return self._named.pop(tokens, b"")
        except TimeoutError:
            return b""
        finally:
            self._waiting[tokens].discard(announced)

    def _announce(self, channel: str, thread: bytes) -> None:
        self._named[channel] = thread
        for announced in self._waiting[channel]:
            announced.set()

    def _missed(self) -> None:
        for waiting in self._waiting.values():
            for announced in waiting:
                announced.set()
