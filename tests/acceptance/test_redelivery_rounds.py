"""One look through a webhook's deliveries after the other: what is asked for, when, and how often."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from answerback.errors import RateLimited
from answerback.http.platform import PlatformHttp
from answerback.platforms.github.deliveries import WINDOW, deliveries
from answerback.platforms.github.settings import GitHubSettings
from answerback.platforms.registry import PLATFORMS
from answerback.redelivery import MARGIN, MOST_TIMES, PATIENCE, Redelivery
from answerback.settings import Settings
from answerback.store.fleet.redeliveries import Redeliveries, RedeliveryRequest
from answerback.store.threads.outbox import Outbox
from answerback.testing.standins.github.webhooks import HOOK
from answerback.testing.standins.sender import GitHub
from tests.acceptance.system import System
from tests.standins.client import StandIns

REPOSITORY = f"acme/widgets/hooks/{HOOK}"
DAY = 86_400


async def _lists(standins: StandIns) -> int:
    return (await standins.counts()).get("github", {}).get("repos/list-webhook-deliveries", 0)


class Rounds:
    """Rounds of this process, on a real store and against the stand-in."""

    def __init__(self, system: System, standins: StandIns, http: PlatformHttp) -> None:
        log = deliveries(Settings.load(standins.environment()).of(GitHubSettings))
        assert log is not None
        log.pace = 0
        self.store = Redeliveries(system.database)
        self._redelivery = Redelivery(PLATFORMS["github"], log, http, Outbox(system.threads), self.store)
        self._standins = standins

    async def outcomes(self, **options: Any) -> list[str]:
        """What a round did about each missing delivery."""
        return [each.outcome for each in (await self._redelivery.round(REPOSITORY, **options)).missing]

    async def earlier(self, guid: str, ms: int, count: int = 0) -> None:
        """Let the last request for a delivery have been made so much earlier."""
        asked = await self.store.asked(REPOSITORY, guid)
        assert asked is not None
        changed = RedeliveryRequest(count or asked.count, asked.at - ms, asked.delivery)
        assert await self.store.ask(REPOSITORY, guid, changed, asked)


@pytest.fixture
async def rounds(system: System, standins: StandIns) -> AsyncIterator[Rounds]:
    """Ingress is down: what is asked for fails again."""
    http = PlatformHttp(timeout=10)
    yield Rounds(system, standins, http)
    await http.close()


async def test_a_delivery_is_asked_for_again_after_a_while_and_not_for_ever(rounds: Rounds, standins: StandIns) -> None:
    delivery = GitHub().issue_comment("nobody is there", number=1)
    await standins.fail_delivery(delivery)
    assert await rounds.outcomes(ask=False) == ["found"]
    assert await rounds.outcomes() == ["asked"]
    await standins.wait_for_deliveries(2)
    assert await rounds.outcomes() == ["waiting"]
    await rounds.earlier(delivery.id, PATIENCE)
    assert await rounds.outcomes() == ["asked"]
    await standins.wait_for_deliveries(3)
    # The second time it waits twice as long.
    await rounds.earlier(delivery.id, PATIENCE)
    assert await rounds.outcomes() == ["waiting"]
    await rounds.earlier(delivery.id, WINDOW, MOST_TIMES)
    assert await rounds.outcomes() == ["given up"]
    # An operator who insists is heard.
    assert await rounds.outcomes(insist=True) == ["asked"]


async def test_what_arrives_meanwhile_ends_the_waiting(system: System, rounds: Rounds, standins: StandIns) -> None:
    delivery = GitHub().issue_comment("nobody is there", number=1)
    await standins.fail_delivery(delivery)
    assert await rounds.outcomes() == ["asked"]
    await standins.wait_for_deliveries(2)
    # GitHub tells whole seconds.
    await rounds.earlier(delivery.id, 2000)
    assert await rounds.outcomes() == ["waiting"]
    await system.ingress()
    await standins.deliver(GitHub().issue_comment("somebody is there", number=2))
    await standins.wait_for_deliveries(3)
    assert await rounds.outcomes() == ["asked"]


async def test_the_healthy_moment_waits_for_what_is_missing(system: System, rounds: Rounds, standins: StandIns) -> None:
    at = time.time() - DAY
    await standins.fail_delivery(GitHub().issue_comment("nobody is there", number=1), at=at)
    assert await rounds.store.healthy(REPOSITORY) is None
    await rounds.outcomes(since=int(at * 1000) - 1000)
    await rounds.outcomes(ask=False)
    assert await rounds.store.healthy(REPOSITORY) is None
    await system.ingress()
    await rounds.outcomes(insist=True)
    assert (await rounds.store.healthy(REPOSITORY) or 0) // 1000 == int(at)
    await standins.wait_for_deliveries(3)
    assert await rounds.outcomes() == []
    healthy = await rounds.store.healthy(REPOSITORY) or 0
    assert healthy > at * 1000
    assert healthy <= await rounds.store.now() - MARGIN


async def test_a_round_that_github_cuts_short_moves_nothing_and_holds_back_everybody(
    rounds: Rounds, standins: StandIns
) -> None:
    for number in (1, 2):
        await standins.fail_delivery(GitHub().issue_comment("nobody is there", number=number))
    fault = await standins.add_fault(
        do="rate-limit", platform="github", operation="repos/redeliver-webhook-delivery", after=1, times=1, seconds=60
    )
    with pytest.raises(RateLimited):
        await rounds.outcomes()
    assert await standins.fired(fault) == 1
    assert await rounds.store.healthy(REPOSITORY) is None
    lists = await _lists(standins)
    with pytest.raises(RateLimited):
        await rounds.outcomes()
    assert await _lists(standins) == lists


async def test_more_deliveries_than_a_page_holds_are_all_seen(rounds: Rounds, standins: StandIns) -> None:
    for number in range(105):
        await standins.fail_delivery(GitHub().issue_comment("nobody is there", number=number + 1))
    assert await rounds.outcomes(ask=False) == ["found"] * 105
    assert await _lists(standins) == 2
