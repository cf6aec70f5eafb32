"""The clock of Redis is set, forward and back, while posts and once-only steps are under way."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from answerback.store.embedded import find_server
from tests.acceptance.scene import LEASE, NOISE, PROMISE, Scene
from tests.acceptance.system import Process, until
from tests.stepped import SteppedServer

LONG = 1.4 * LEASE
"""Seconds that a post and a once-only step take: longer than a lease."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Clocked(Scene):
    """A scene whose server has a clock that can be set, with two workers."""

    server: SteppedServer
    workers: list[Process]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clocked]:
    """One for all rows."""
    folder = tmp_path_factory.mktemp("clock")
    server = SteppedServer(folder / "server", find_server())
    async with Clocked.open(folder / "scene", SERVER=str(server.binary), CHARGE_SECONDS=str(LONG)) as opened:
        opened.server = server
        opened.workers = [await opened.worker(), await opened.worker()]
        yield opened


@pytest.mark.parametrize("seconds", [6, 60, -6, -60])
async def test_a_step_costs_nothing_but_a_moment(scene: Clocked, seconds: int) -> None:
    slow = await scene.standins.add_fault(do="stall-after", operation="issues/create-comment", seconds=LONG, times=10)
    posting = [scene.talk("github", "acme/steps") for _ in range(10)]
    paying = [scene.talk("standard", "pay") for _ in range(10)]
    charged = _charges(scene).total()
    await asyncio.gather(*[scene.say(talk) for talk in [*posting, *paying]])
    await scene.standins.wait_until_fired(slow, 10)

    async def charging() -> bool:
        return _charges(scene).total() == charged + 10

    await until(charging, what="ten once-only steps being under way")
    counted = (await scene.system.queues()).clock_steps.count
    scene.server.step(seconds)
    step = scene.note("step", "clock")
    late = scene.talk("standard")
    began = time.monotonic()
    await scene.say(late)

    async def answered() -> bool:
        return any(f"{late.name}/0" in message.body for message in await scene.standins.messages())

    await until(answered, what="a message being answered after the step")
    assert time.monotonic() - began < LEASE + NOISE
    await scene.check()
    assert await scene.dead() == []
    assert set(_charges(scene).values()) == {1}
    assert await scene.recovered(step) < LONG + PROMISE + NOISE
    for worker in scene.workers:
        assert not worker.lines("lease lost")
        assert not worker.lines("another worker has taken over this thread")

    async def told() -> bool:
        return (await scene.system.queues()).clock_steps.count == counted + 1

    await until(told, what="the step being counted")
    warned = [line for worker in scene.workers for line in worker.lines("Redis clock stepped")]
    assert (abs(seconds), "forward" if seconds > 0 else "back") in {
        (round(line["seconds"]), line["way"]) for line in warned
    }


def _charges(scene: Scene) -> Counter[str]:
    """How often each payment was made."""
    return Counter(scene.charges.read_text().split() if scene.charges.exists() else [])
