"""What operators order all workers or one of them to do: pause, resume, drain. Kept in Redis until it is taken back."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.codec import decoder, encode, readable
from answerback.store.fleet import keys
from answerback.store.keys import signals
from answerback.store.redis import Database

EVERYTHING = "everything"
"""The scope of a pause of all turns and replies. The others are "agent:<agent>" and "replies:<platform>"."""


class Order(msgspec.Struct, frozen=True):
    """Who gave an order, when (ms), and why ("" if no reason was given)."""

    by: str
    at: int
    reason: str = ""


_decode_order = decoder(Order)


class Orders:
    """The orders to the workers of one Redis. Each is signalled, and workers look for missed ones every second."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pause(self, scope: str, *, by: str, reason: str = "") -> None:
        """Pause a scope: nothing new starts in it. Events are accepted, and wait."""
        order = Order(by, await self._database.now(), reason)
        await self._give(("HSET", keys.paused(), scope, encode(order)))

    async def resume(self, scope: str) -> bool:
        """Resume a scope. Return whether it was paused."""
        return bool(await self._give(("HDEL", keys.paused(), scope)))

    async def paused(self) -> dict[str, Order]:
        """Return what is paused, by scope."""
        return _orders(await self._database.call("HGETALL", keys.paused()))

    async def drain(self, worker: str, *, by: str, reason: str = "") -> None:
        """Ask a worker to claim nothing more, finish what it has, and end."""
        order = Order(by, await self._database.now(), reason)
        await self._give(("HSET", keys.drains(), worker, encode(order)))

    async def current(self) -> tuple[set[str], set[str]]:
        """Return the paused scopes, and the ids of the workers that are to be drained."""
        paused, drains = await self._database.together(("HKEYS", keys.paused()), ("HKEYS", keys.drains()))
        return {scope.decode() for scope in paused}, {worker.decode() for worker in drains}

    async def drained(self, worker: str) -> None:
        """Forget the order to a worker that has ended."""
        await self._database.call("HDEL", keys.drains(), worker)

    async def _give(self, command: tuple[str | bytes, ...]) -> int:
        (result,) = await self._database.confirmed(command)
        await self._database.call("PUBLISH", signals(), "orders\n")
        return int(result)


def _orders(stored: dict[bytes, bytes]) -> dict[str, Order]:
    orders: Sequence[tuple[bytes, Order]] = [
        (scope, order) for scope, raw in stored.items() for order in readable(_decode_order, [raw])
    ]
    return {scope.decode(): order for scope, order in sorted(orders)}
