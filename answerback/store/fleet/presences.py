"""Where people see that an agent is at work, so that another worker clears it if the worker dies."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from answerback.codec import decoder, encode, readable
from answerback.platforms import Place
from answerback.store.fleet import keys
from answerback.store.redis import Database
from answerback.store.scripts import Scripts


class ShownPresence(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A place where a platform shows that an agent is at work.

    Attributes:
        event: The dispatch id of the event that is answered.
        owner: The worker that shows it.
        at: When that worker began, in ms by the clock of Redis.
    """

    platform: str
    place: Place
    event: str
    owner: str
    at: int


_decode = decoder(ShownPresence)


class Presences:
    """All that is shown, by a key of its place."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scripts = Scripts(database)

    async def put(self, key: str, shown: ShownPresence) -> None:
        """Record what is about to be shown, instead of what was recorded for this place."""
        await self._database.call("HSET", keys.presences(), key, encode(shown))

    async def remove(self, key: str, shown: ShownPresence) -> None:
        """Remove a record, unless another worker has replaced it."""
        await self._scripts.swap_field([keys.presences()], field=key, old=encode(shown), new=b"")

    async def take_over(self, key: str, shown: ShownPresence, owner: str) -> ShownPresence | None:
        """Make another worker the owner of a record. Return None if it has changed meanwhile."""
        taken = msgspec.structs.replace(shown, owner=owner)
        swapped = await self._scripts.swap_field([keys.presences()], field=key, old=encode(shown), new=encode(taken))
        return taken if swapped else None

    async def all(self) -> Mapping[str, ShownPresence]:
        """Return all records that are readable here."""
        encoded = await self._database.call("HGETALL", keys.presences())
        return {key.decode(): shown for key, raw in encoded.items() for shown in readable(_decode, [raw])}
