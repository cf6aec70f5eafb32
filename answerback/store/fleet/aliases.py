"""Threads that have a second id, since their platform has given them a new one."""

from __future__ import annotations

import time

from answerback.store.fleet import keys
from answerback.store.redis import Database

LOOK = 5.0
"""Seconds between two looks at which platforms have such threads."""


class Aliases:
    """The new ids of threads that a platform has moved; events with either id belong to the first one.

    Most platforms never move a thread: then this costs one look at the store every few seconds.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._platforms = frozenset[str]()
        self._looked = -LOOK

    async def add(self, thread: str, alias: str) -> None:
        """Record that events with the id `alias` belong to `thread`."""
        thread = await self.resolve(thread)
        if thread not in (alias, await self.resolve(alias)):
            await self._database.confirmed(("HSET", keys.aliases(_platform(alias)), alias, thread))
            await self._database.confirmed(("SADD", keys.aliased(), _platform(alias)))
            self._platforms |= {_platform(alias)}

    async def resolve(self, thread: str) -> str:
        """Return the first id of a thread."""
        now = time.monotonic()
        if now - self._looked >= LOOK:
            self._looked = now
            names = await self._database.call("SMEMBERS", keys.aliased())
            self._platforms = frozenset(name.decode() for name in names)
        platform = _platform(thread)
        if platform not in self._platforms:
            return thread
        first = await self._database.call("HGET", keys.aliases(platform), thread)
        return thread if first is None else str(first.decode())


def _platform(thread: str) -> str:
    return thread.partition(":")[0]
