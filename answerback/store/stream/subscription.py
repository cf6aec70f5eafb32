"""What is published on channels of Redis, heard on one connection that comes back by itself."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from answerback.errors import StoreUnavailable
from answerback.log import get_logger
from answerback.store.redis import Database, Listener

log = get_logger(__name__)

AGAIN, LONGEST = 0.2, 2.0
"""Seconds until a lost connection is opened again: at first, and at most."""


class Subscription:
    """One connection that listens. `hear(channel, what)` is called for each message, in order.

    What is published while the connection is away is lost: `missed()` is called each time it is back, and
    whoever must miss nothing looks for it where it is stored.
    """

    def __init__(self, database: Database, hear: Callable[[str, bytes], None], missed: Callable[[], None]) -> None:
        self._database = database
        self._hear = hear
        self._missed = missed
        self._listener: Listener | None = None
        self._channels: dict[str, asyncio.Future[None]] = {}
        self._unconfirmed: Counter[str] = Counter()

    async def add(self, channel: str) -> None:
        """Listen to a channel. What is published after this returned is heard, or `missed` is called.

        Raises `StoreUnavailable` when Redis does not confirm it in time.
        """
        if channel not in self._channels:
            self._channels[channel] = asyncio.get_running_loop().create_future()
            await self._subscribe(channel)
        # Shared by all who wait for it: one of them that leaves must not cancel it.
        try:
            async with asyncio.timeout(self._database.timeout):
                await asyncio.shield(self._channels[channel])
        except TimeoutError:
            raise StoreUnavailable("Redis did not respond in time.") from None

    async def drop(self, channel: str) -> None:
        """Listen to it no more."""
        if self._channels.pop(channel, None) and self._listener:
            await self._listener.send("UNSUBSCRIBE", channel)

    async def keep(self) -> None:
        """Listen forever."""
        pause = AGAIN
        while True:
            began = time.monotonic()
            try:
                async with self._database.listening() as listener:
                    await self._listen(listener)
            except StoreUnavailable as error:
                log.debug("subscription lost; reconnecting", error=str(error), channels=len(self._channels))
            except Exception:
                # Nobody waits for this to end: it must not, or all who follow would wait for ever.
                log.exception("subscription failed", channels=len(self._channels))
            finally:
                self._listener = None
            pause = AGAIN if time.monotonic() - began > LONGEST else min(pause * 1.5, LONGEST)
            await asyncio.sleep(pause)

    async def _subscribe(self, *channels: str) -> None:
        if self._listener and channels:
            # A channel may be dropped and added again before the first word of it: the last one counts.
            self._unconfirmed.update(channels)
            await self._listener.send("SUBSCRIBE", *channels)

    async def _listen(self, listener: Listener) -> None:
        self._listener = listener
        self._unconfirmed.clear()
        await self._subscribe(*self._channels)
        self._missed()
        while True:
            kind, channel, what = await listener.hear()
            if kind == "message":
                self._hear(channel, what)
            elif kind == "subscribe":
                self._unconfirmed[channel] -= 1
                confirmed = self._channels.get(channel)
                if confirmed and not confirmed.done() and self._unconfirmed[channel] <= 0:
                    confirmed.set_result(None)
