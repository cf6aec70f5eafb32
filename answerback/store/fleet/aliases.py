"""Threads that have a second id."""

from __future__ import annotations

import time

from answerback.store.fleet import keys
from answerback.store.redis import Database

LOOK = 1.0
"""Seconds between two looks at which platforms have such threads. It takes longer to answer a message that is new."""
LINKED = 90 * 86_400
"""Seconds for which a thread is known by the id of a message of ours, since the last event that came with it."""
_LINKS = "/links"


class Aliases:
    """Second ids of threads; events with either id belong to the first one.

    A platform has moved a thread for good, or a message of ours began a thread of its own, as the answer to a command.

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
            await self._database.confirmed(("SADD", keys.aliases_of(thread), alias))
            await self._database.confirmed(("HSET", keys.aliases(_platform(alias)), alias, thread))
            await self._database.confirmed(("SADD", keys.aliased(), _platform(alias)))
            self._platforms |= {_platform(alias)}

    async def forget(self, thread: str) -> None:
        """Delete all second ids of a thread: they may say which phone number belongs to whom."""
        for alias in [each.decode() for each in await self._database.call("SMEMBERS", keys.aliases_of(thread))]:
            name = keys.aliases(_platform(alias))
            if await self._database.call("HGET", name, alias) == thread.encode(errors="surrogatepass"):
                await self._database.call("HDEL", name, alias)
        await self._database.call("UNLINK", keys.aliases_of(thread))

    async def link(self, thread: str, alias: str) -> None:
        """Record that events with the id `alias`, which answer a message of `thread`, belong to it, while any come."""
        if thread != alias:
            await self._database.confirmed(("SET", keys.alias(alias), thread, "EX", LINKED))
            await self._database.confirmed(("SADD", keys.aliased(), f"{_platform(alias)}{_LINKS}"))
            self._platforms |= {f"{_platform(alias)}{_LINKS}"}

    def may_have(self, thread: str) -> bool:
        """Return whether the store has to be asked for the first id of a thread."""
        if time.monotonic() - self._looked >= LOOK:
            return True
        platform = _platform(thread)
        return platform in self._platforms or f"{platform}{_LINKS}" in self._platforms

    async def resolve(self, thread: str) -> str:
        """Return the first id of a thread."""
        now = time.monotonic()
        if now - self._looked >= LOOK:
            self._looked = now
            names = await self._database.call("SMEMBERS", keys.aliased())
            self._platforms = frozenset(name.decode() for name in names)
        platform = _platform(thread)
        first = None
        if f"{platform}{_LINKS}" in self._platforms:
            first = await self._database.call("GET", keys.alias(thread))
            if first is not None:
                await self._database.call("EXPIRE", keys.alias(thread), LINKED)
        if first is None and platform in self._platforms:
            first = await self._database.call("HGET", keys.aliases(platform), thread)
        return thread if first is None else str(first.decode())


def _platform(thread: str) -> str:
    return thread.partition(":")[0]
