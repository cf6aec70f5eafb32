"""Rate limits: a burst, then a steady rate; counted once for all who ask."""

from __future__ import annotations

import asyncio

import pytest

from answerback.store.access import keys as access_keys
from answerback.store.access.rate_limits import RateLimits
from answerback.store.redis import Database
from ingress.api.auth.allowances import Allowances
from tests.redis.conftest import Server


async def test_a_burst_passes_and_then_no_more(database: Database) -> None:
    rates = RateLimits(database, rate=0.01, burst=5)
    found = [await rates.spend("a") for _ in range(7)]
    assert [each.passed for each in found] == [True] * 5 + [False] * 2
    assert [each.left for each in found] == [4, 3, 2, 1, 0, 0, 0]
    assert [each.wait for each in found[:4]] == [0] * 4
    assert 90_000 < found[4].wait <= 100_000
    assert 490_000 < found[6].whole <= 500_000
    assert (await rates.spend("b")).left == 4


async def test_what_did_not_pass_does_not_count(database: Database) -> None:
    rates = RateLimits(database, rate=0.01, burst=1)
    assert (await rates.spend("a")).passed
    before = (await rates.spend("a")).wait
    for _ in range(50):
        await rates.spend("a")
    assert (await rates.spend("a")).wait <= before


async def test_the_allowance_comes_back(database: Database) -> None:
    rates = RateLimits(database, rate=0.01, burst=2)
    for _ in range(3):
        await rates.spend("a")
    whole = int(await database.call("GET", access_keys.rate("a")))
    # 100 s later: one more may come, and not two.
    await database.call("SET", access_keys.rate("a"), whole - 100_000_000)
    assert [(await rates.spend("a")).passed for _ in range(2)] == [True, False]


async def test_all_processes_count_together(server: Server, database: Database) -> None:
    other = Database(server.url)
    try:
        both = [RateLimits(each, rate=0.01, burst=100) for each in (database, other)]
        found = await asyncio.gather(*[rates.spend("a") for _ in range(150) for rates in both])
        assert sum(each.passed for each in found) == 100
    finally:
        await other.close()


async def test_nothing_is_left_once_the_allowance_is_whole(database: Database) -> None:
    rates = RateLimits(database, rate=1000, burst=1000)
    assert (await rates.spend("a")).left == 999
    async with asyncio.timeout(30):
        while await database.call("KEYS", "*"):
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("rate", [0.001, 1_000_000])
async def test_very_slow_and_very_fast_rates(database: Database, rate: float) -> None:
    assert (await RateLimits(database, rate=rate, burst=1_000_000).spend("a")).left == 999_999


async def test_far_from_the_limit_requests_are_counted_later_and_all_of_them_are(
    server: Server, database: Database
) -> None:
    other = Database(server.url)
    try:
        rates, others = RateLimits(database, rate=0.01, burst=1000), RateLimits(other, rate=0.01, burst=1000)
        allowances = Allowances(rates)
        for _ in range(80):
            assert (await allowances.spend("a")).passed
        async with asyncio.timeout(30):
            while (await others.count("a", 0)).left > 920:
                await asyncio.sleep(0.01)
        assert (await others.count("a", 0)).left == 920
    finally:
        await other.close()


async def test_near_the_limit_each_request_is_counted_first(database: Database) -> None:
    allowances = Allowances(RateLimits(database, rate=0.01, burst=100))
    found = [await allowances.spend("a") for _ in range(150)]
    assert [each.passed for each in found] == [True] * 100 + [False] * 50
    assert [each.left for each in found[60:100]] == [*range(39, -1, -1)]


async def test_what_passed_counts_over_the_limit(database: Database) -> None:
    rates = RateLimits(database, rate=0.01, burst=10)
    assert (await rates.count("a", 15)).left == 0
    refused = await rates.spend("a")
    assert not refused.passed
    assert 590_000 < refused.wait <= 600_000
