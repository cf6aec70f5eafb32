"""Platforms that fail: whatever they answer, or leave unanswered, each reply appears on them once and in its order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.scene import Scene
from tests.acceptance.system import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

POSTS = {
    "github": "issues/create-comment",
    "slack": "chat.postMessage",
    "standard": "receive",
    "twilio": "messages.create",
}

TIMES = {"github": 2, "slack": 2, "standard": 2, "twilio": 1}
"""How often it fails in a row. On Twilio, a second request of unknown outcome makes a dead letter of the reply."""

FAULTS: dict[str, dict[str, Any]] = {
    "answers 500": {"do": "status", "status": 500},
    "answers 503": {"do": "status", "status": 503},
    "refuses what it takes a moment later": {"do": "refuse"},
    "asks to wait": {"do": "rate-limit", "seconds": 1},
    "hangs for a minute": {"do": "hang", "seconds": 60},
    "answers late": {"do": "stall-after", "seconds": 0.5},
    "posts, and answers too late": {"do": "stall-after", "seconds": 10},
    "closes the connection": {"do": "drop"},
    "posts, and closes the connection": {"do": "drop-after"},
    "posts, and answers with half of it": {"do": "truncate"},
    "posts after we gave up waiting": {"do": "stall", "seconds": 1.4},
    "answers 502, and posts later": {"do": "late", "status": 502, "seconds": 0.1},
    "answers 502, and posts after it was looked for": {"do": "late", "status": 502, "seconds": 0.8},
}
IMPATIENT = {"PLATFORM_TIMEOUT_SECONDS": "1"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """One scene for all rows: two workers, and little patience with platforms."""
    async with Scene.open(tmp_path_factory.mktemp("platforms"), **IMPATIENT) as opened:
        await opened.worker()
        await opened.worker()
        yield opened


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_platform(scene: Scene, fault: str) -> None:
    rules = [
        await scene.standins.add_fault(
            platform=platform, operation=operation, after=1, times=TIMES[platform], **FAULTS[fault]
        )
        for platform, operation in POSTS.items()
    ]
    talks = [
        scene.talk("github"),
        scene.talk("slack", "C0TALK", replies=2),
        scene.talk("standard"),
        scene.talk("twilio", "+15005550010", replies=2),
    ]
    for _ in range(5):
        await asyncio.gather(*[scene.say(talk) for talk in talks])
    await scene.check()
    for rule, platform in zip(rules, POSTS, strict=True):
        assert await scene.standins.fired(rule) == TIMES[platform]
        await scene.standins.remove_fault(rule)
    assert not await scene.dead()


async def test_platforms_that_post_late_and_tell_us_nothing(scene: Scene) -> None:
    """Where no webhook brings an echo, a late post is found by looking, also by the heir of a worker that died."""
    async with Scene.open(scene.folder / "late", **IMPATIENT) as late:
        await late.standins.send_webhooks_to("")
        doomed = await late.worker()
        rules = [
            await late.standins.add_fault(
                platform=platform, operation=POSTS[platform], times=2, do="late", status=502, seconds=seconds
            )
            for platform in ("github", "slack", "twilio")
            for seconds in (0.1, 0.8)
        ]
        talks = [
            late.talk("github"),
            late.talk("slack", "C0TALK", replies=2),
            late.talk("twilio", "+15005550010", replies=2),
        ]
        for _ in range(3):
            await asyncio.gather(*[late.say(talk) for talk in talks])
        await late.standins.wait_until_fired(rules[0])
        await doomed.kill()
        await late.worker()
        await late.check()
        assert [await late.standins.fired(rule) for rule in rules] == [2, 1, 2, 2, 2, 2]


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_worker_whose_clock_is_an_hour_off_finds_what_it_posted(scene: Scene, hours: int) -> None:
    """What it looks for on the platform, it looks for by the clock of Redis."""
    async with Scene.open(scene.folder / f"clock{hours}", **IMPATIENT) as off:
        await off.worker(CLOCK_OFF=str(hours * 3600))
        rules = [
            await off.standins.add_fault(platform=platform, operation=POSTS[platform], times=2, do="drop-after")
            for platform in ("github", "slack")
        ]
        # It says when its limit is over, not how long to wait: by its own clock.
        spent: dict[str, Any] = {"platform": "github", "operation": POSTS["github"], "limit": "primary", "seconds": 1}
        rules.append(await off.standins.add_fault(do="rate-limit", times=1, **spent))
        talks = [off.talk("github"), off.talk("slack", "C0TALK", replies=2)]
        for _ in range(3):
            await asyncio.gather(*[off.say(talk) for talk in talks])
        await off.check()
        assert [await off.standins.fired(rule) for rule in rules] == [2, 2, 1]


async def test_an_ingress_whose_clock_is_an_hour_off_stores_what_has_no_timestamp(scene: Scene) -> None:
    for hours in (1, -1):
        port = str(free_port())
        await scene.system.ingress("tests.acceptance.sabotaged ingress", PORT=port, CLOCK_OFF=str(hours * 3600))
        talk = scene.talk("github")
        status, _ = await scene.system.post("github", talk.say(), port=int(port))
        assert status == 202
        scene.accepted += 1
        # Those that sign a timestamp are refused, and so come again: to an ingress that knows what time it is.
        late = scene.talk("slack")
        delivery = late.say()
        assert (await scene.system.post("slack", delivery, port=int(port)))[0] == 401
        await scene.deliver(late, delivery)
    await scene.check()
