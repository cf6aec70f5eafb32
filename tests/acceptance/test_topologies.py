"""What is acknowledged survives the loss of a server, where others stand in for it. Real servers, real processes."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from answerback.store import keys
from answerback.store.connection.slots import slot
from answerback.store.embedded.executable import find_server
from tests.acceptance.scene import PROMISE, Scene
from tests.acceptance.terminal import command
from tests.topologies.cluster import ClusterServers
from tests.topologies.sentinel import SentinelServers

COMMANDS = (
    "queue", "threads", "workers", "dead list", "keys list", "check --offline", "export --all",
)  # fmt: skip
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
    async with Scene.open(tmp_path, sentinels, ACCEPT_TIMEOUT="2", REDIS_REPLICAS="2") as opened:
        opened.steady = await opened.worker()
        yield opened


@pytest.mark.long
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


@pytest.fixture(scope="module")
def cluster() -> Iterator[ClusterServers]:
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        servers = ClusterServers(Path(folder), find_server())
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()


@pytest.mark.long
async def test_a_cluster_whose_primaries_die_and_whose_slots_move_under_load(
    tmp_path: Path, cluster: ClusterServers
) -> None:
    settings = {"ACCEPT_TIMEOUT": "2", "REDIS_REPLICAS": "1", "ANSWERBACK_PARTITIONS": "16"}
    async with Scene.open(tmp_path, cluster, **settings) as scene:
        worker = await scene.worker()
        async with scene.chatter():
            await asyncio.sleep(0.5)
            for p in range(4):
                await asyncio.to_thread(cluster.migrate, slot(keys.counters(p)))
            scene.note("kill", "primary")
            await asyncio.to_thread(cluster.kill)
            await asyncio.to_thread(cluster.failed_over)
            up = scene.note("start", "primary")
            await asyncio.to_thread(cluster.start)
        await scene.check(within=60)
        assert await scene.recovered(up) < PROMISE + FAILOVER
        assert worker.alive
        # Commands and pages work as on one server.
        environment = {"PATH": os.environ["PATH"], "REDIS_URL": cluster.url, **settings}
        for words in COMMANDS:
            done = await asyncio.to_thread(command, *words.split(), settings=environment)
            assert done.code == 0, (words, done)
        status, _ = await _get(scene, "/health/ready")
        assert status == 200
        _, metrics = await _get(scene, "/metrics")
        assert "answerback_threads" in metrics, metrics


async def _get(scene: Scene, path: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{scene.system.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()
