"""Connections to platforms: which worker reads each, and how far it has come."""

from __future__ import annotations

from answerback.store.fleet import keys
from answerback.store.redis import Database
from answerback.store.scripts import Scripts


class Connections:
    """The leases of connections, named "<platform>/<connection>", and their positions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scripts = Scripts(database)

    async def hold(self, connection: str, owner: str, ms: int) -> bool:
        """Take the lease of a connection, or renew it. Return False if another owner has it."""
        return bool(await self._scripts.hold([keys.connection(connection)], owner=owner, ms=ms))

    async def release(self, connection: str, owner: str) -> None:
        """Give up the lease of a connection, so that another worker need not wait for its end."""
        await self._scripts.hold([keys.connection(connection)], owner=owner, ms=0)

    async def holder(self, connection: str) -> str:
        """Return who reads a connection; "" if nobody does."""
        return (await self._database.call("GET", keys.connection(connection)) or b"").decode()

    async def position(self, connection: str) -> str:
        """Return how far a connection was read; "" if that is not known."""
        return (await self._database.call("HGET", keys.positions(), connection) or b"").decode()

    async def move(self, connection: str, position: str) -> None:
        """Store how far a connection was read."""
        await self._database.call("HSET", keys.positions(), connection, position)
