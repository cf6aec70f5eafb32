"""A cache of lookups, each kept for a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

TTL = 1.0
"""Seconds for which a lookup is kept, and thus the longest delay of a revocation."""
SIZE = 10_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TTLCache(Generic[K, V]):
    """Cache lookups for `TTL` seconds per key. Concurrent callers share one lookup."""

    def __init__(self, look_up: Callable[[K], Awaitable[V]]) -> None:
        self._look_up = look_up
        self._lookups: dict[K, tuple[float, asyncio.Task[V]]] = {}

    async def get(self, key: K) -> V:
        """Return the cached value, or look it up."""
        now = time.monotonic()
        till, task = self._lookups.get(key, (0.0, None))
        if task is None or till <= now:
            if len(self._lookups) >= SIZE:
                # The oldest come first. Guessed ids must not fill the memory.
                for old in list(self._lookups)[: SIZE // 2]:
                    del self._lookups[old]
            task = asyncio.create_task(self._call(key))
            self._lookups.pop(key, None)
            self._lookups[key] = (now + TTL, task)
        return task.result() if task.done() else await asyncio.shield(task)

    def forget(self, key: K) -> None:
        """Look this one up again next time."""
        self._lookups.pop(key, None)

    async def _call(self, key: K) -> V:
        try:
            return await self._look_up(key)
        except BaseException:
            # Do not cache failures, nor a cancellation.
            self._lookups.pop(key, None)
            raise
