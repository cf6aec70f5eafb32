"""Connections to platforms: which worker reads each, and how far it has come."""

from __future__ import annotations

import time
from typing import NamedTuple

from answerback.store.fleet import keys
from answerback.store.redis import Database
from answerback.store.scripts import Scripts


class _Seen(NamedTuple):
    """How often another owner had renewed a lease, and since when that has not changed (`time.monotonic`)."""

    renewals: bytes
    since: float


class Connections:
    """The leases of connections, named "<platform>/<connection>", and their positions.

    A lease ends if it is not renewed for some time, as the waiting worker measures: steps of the clock of Redis
    neither prolong nor shorten it. Two owners for a moment do no harm: what both receive is stored once.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scripts = Scripts(database)
        self._seen: dict[str, _Seen] = {}

    async def hold(self, connection: str, owner: str, seconds: float) -> bool:
        """Take the lease of a connection, or renew it. Return False if another owner has renewed it within `seconds`.

        A waiting worker has to ask repeatedly.
        """
        seen, now = self._seen.get(connection), time.monotonic()
        stale = seen.renewals if seen and now - seen.since >= seconds else b""
        held, renewals = await self._scripts.hold([keys.connection(connection)], owner=owner, stale=stale)
        if held:
            self._seen.pop(connection, None)
        elif seen is None or seen.renewals != renewals:
            self._seen[connection] = _Seen(renewals, now)
        return bool(held)

    async def release(self, connection: str, owner: str) -> None:
        """Give up the lease of a connection, so that another worker need not wait for its end."""
        await self._scripts.give_up([keys.connection(connection)], owner=owner)

    async def holder(self, connection: str) -> str:
        """Return the worker that reads a connection; "" if none does."""
        return (await self._database.call("HGET", keys.connection(connection), "owner") or b"").decode()

    async def position(self, connection: str) -> str:
        """Return how far a connection was read; "" if that is not known."""
        return (await self._database.call("HGET", keys.positions(), connection) or b"").decode()

    async def move(self, connection: str, position: str) -> None:
        """Store how far a connection was read."""
        await self._database.call("HSET", keys.positions(), connection, position)
