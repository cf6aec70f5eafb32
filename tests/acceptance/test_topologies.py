"""What is acknowledged survives the loss of a server, where others stand in for it. Real servers, real processes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from answerback.store.embedded.executable import find_server
from tests.acceptance.scene import PROMISE, Scene
from tests.topologies.sentinel import SentinelServers

FAILOVER = 20.0
"""Seconds that a failover may take on a busy machine, and what follows it."""


@pytest.fixture(scope="module")
def sentinels() -> Iterator[SentinelServers]:
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        servers = SentinelServers(Path(folder), find_server())
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()


@pytest.fixture
async def scene(tmp_path: Path, sentinels: SentinelServers) -> AsyncIterator[Scene]:
    """With Sentinels and one worker."""
    async with Scene.open(tmp_path, sentinels, ACCEPT_TIMEOUT="2", REDIS_REPLICAS="1") as opened:
        opened.steady = await opened.worker()
        yield opened


async def test_kill_9_of_the_master_under_load(scene: Scene, sentinels: SentinelServers) -> None:
    up = None
    async with scene.chatter():
        for _ in range(2):
            await asyncio.sleep(0.5)
            scene.note("kill", "master")
            await asyncio.to_thread(sentinels.kill)
            await asyncio.to_thread(sentinels.failed_over)
            up = scene.note("start", "master")
            await asyncio.to_thread(sentinels.start)
    await scene.check(within=60)
    assert up is not None
    assert await scene.recovered(up) < PROMISE + FAILOVER
    assert scene.steady.alive
