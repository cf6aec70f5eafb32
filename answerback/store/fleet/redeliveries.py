"""Redelivery requests made to a platform, and the time up to which no delivery is missing."""

from __future__ import annotations

import msgspec

from answerback.codec import decoder, encode
from answerback.store.fleet import keys
from answerback.store.redis import Database
from answerback.store.scripts import Scripts


class RedeliveryRequest(msgspec.Struct, frozen=True):
    """Redelivery requests for a delivery: their number, the time of the last (ms), and the last attempt's id then."""

    count: int
    at: int
    delivery: int


_decode = decoder(RedeliveryRequest)


class Redeliveries:
    """Redelivery requests, by webhook and delivery id."""

    KEPT = 7 * 86_400_000
    """ms for which requests are kept; longer than any platform's retention period."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scripts = Scripts(database)

    async def now(self) -> int:
        """Return the time of Redis in ms."""
        return await self._database.now()

    async def healthy(self, hook: str) -> int | None:
        """Return the time (ms) up to which every delivery has arrived or is lost; None at first."""
        until = await self._database.call("HGET", keys.healthy(), hook)
        return None if until is None else int(until)

    async def heal(self, hook: str, at: int) -> None:
        """Record that everything up to `at` (ms) was checked, and remove old requests."""
        await self._database.call("HSET", keys.healthy(), hook, at)
        now = await self._database.now()
        requests = await self._database.call("HGETALL", keys.redeliveries(hook))
        if gone := [guid for guid, request in requests.items() if _decode(request).at < now - self.KEPT]:
            await self._database.call("HDEL", keys.redeliveries(hook), *gone)

    async def asked(self, hook: str, guid: str) -> RedeliveryRequest | None:
        """Return the redelivery requests for a delivery, if any."""
        encoded = await self._database.call("HGET", keys.redeliveries(hook), guid)
        return None if encoded is None else _decode(encoded)

    async def ask(self, hook: str, guid: str, asked: RedeliveryRequest, before: RedeliveryRequest | None) -> bool:
        """Record a request before it is made. Return False if another round has recorded one since `before`."""
        earlier = b"" if before is None else encode(before)
        return bool(
            await self._scripts.record_redelivery(
                [keys.redeliveries(hook)], delivery=guid, read=earlier, record=encode(asked)
            )
        )
