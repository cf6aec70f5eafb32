"""Which deliveries a platform was asked to make again, and up to when none is missing."""

from __future__ import annotations

import msgspec

from answerback.store import keys
from answerback.store.redis import Database
from answerback.store.scripts import Scripts

_encode = msgspec.msgpack.Encoder().encode


class RedeliveryRequest(msgspec.Struct, frozen=True):
    """A delivery that was asked for again: how often, when last (ms), and which of its tries was the last one then."""

    count: int
    at: int
    delivery: int


_asked = msgspec.msgpack.Decoder(RedeliveryRequest).decode


class Redeliveries:
    """What was asked of a platform, by webhook and delivery id."""

    KEPT = 7 * 86_400_000
    """ms: no platform can be asked for as long."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scripts = Scripts(database)

    async def now(self) -> int:
        """The time of Redis, ms."""
        return await self._database.now()

    async def healthy(self, hook: str) -> int | None:
        """The time (ms) up to which every delivery is known to have arrived, or to be lost; None at first."""
        found = await self._database.call("HGET", keys.healthy(), hook)
        return None if found is None else int(found)

    async def heal(self, hook: str, at: int) -> None:
        """Everything up to `at` (ms) was looked through. Forgets what was asked long ago."""
        await self._database.call("HSET", keys.healthy(), hook, at)
        now = await self._database.now()
        found = await self._database.call("HGETALL", keys.redeliveries(hook))
        if gone := [guid for guid, asked in found.items() if _asked(asked).at < now - self.KEPT]:
            await self._database.call("HDEL", keys.redeliveries(hook), *gone)

    async def asked(self, hook: str, guid: str) -> RedeliveryRequest | None:
        """Whether, and when, a delivery was asked for."""
        found = await self._database.call("HGET", keys.redeliveries(hook), guid)
        return None if found is None else _asked(found)

    async def ask(self, hook: str, guid: str, asked: RedeliveryRequest, before: RedeliveryRequest | None) -> bool:
        """Note that a delivery is about to be asked for. False when another round noted it since `before` was read."""
        known = b"" if before is None else _encode(before)
        return bool(await self._scripts.record_redelivery([keys.redeliveries(hook)], [guid, known, _encode(asked)]))
