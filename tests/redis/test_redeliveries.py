"""Deliveries that a platform is asked for again."""

from __future__ import annotations

import asyncio

from answerback.store.fleet.redeliveries import Redeliveries, RedeliveryRequest
from answerback.store.redis import Database

HOOK = "acme/widgets/hooks/1"


async def test_of_rounds_at_once_one_asks(database: Database) -> None:
    rounds = [Redeliveries(database) for _ in range(5)]
    first, second = RedeliveryRequest(1, 1000, 7), RedeliveryRequest(2, 9000, 7)
    assert sum(await asyncio.gather(*[each.ask(HOOK, "d", first, None) for each in rounds])) == 1
    assert sum(await asyncio.gather(*[each.ask(HOOK, "d", second, first) for each in rounds])) == 1
    assert not await rounds[0].ask(HOOK, "d", first, None)
    assert await rounds[0].asked(HOOK, "d") == second
