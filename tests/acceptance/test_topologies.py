"""What is acknowledged survives the loss of a server, where others stand in for it. Real servers, real processes.

They use TLS if a server here can: the Sentinels and their servers require client certificates, the Cluster does not.
Each server announces the name in its certificate.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from answerback.errors import StoreUnavailable
from answerback.store import keys
from answerback.store.connection.slots import slot
from answerback.store.redis import Database
from answerback.testing.standins.sender import Standard
from tests.acceptance.scene import PROMISE, Scene
from tests.acceptance.system import Process, System, until
from tests.acceptance.terminal import Done, command
from tests.topologies.cluster import ClusterServers
from tests.topologies.sentinel import SentinelServers
from tests.topologies.shared import SharedServers
from tests.topologies.tls import HOST, server_with_tls

COMMANDS = (
    "queue", "threads", "workers", "dead list", "keys list", "check --offline", "export --all",
)  # fmt: skip
FAILOVER = 40.0
"""Seconds that a failover may take on a busy machine, and what follows it."""


needs_tls = pytest.mark.skipif(server_with_tls() is None, reason="no redis-server or valkey-server with TLS")


@pytest.fixture
def sentinels(shared_servers: SharedServers) -> SentinelServers:
    """A master with Sentinels. All servers run, and are empty."""
    return shared_servers.sentinels(secure=True)


@pytest.fixture
def cluster(shared_servers: SharedServers) -> ClusterServers:
    """A Cluster. All servers run, and are empty."""
    return shared_servers.cluster(secure=True)


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
    await scene.check(within=180)
    assert up is not None
    assert await scene.recovered(up) < PROMISE + FAILOVER
    assert scene.steady.alive
    await _commands_work(sentinels.url, REDIS_REPLICAS="2")


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
        await scene.check(within=180)
        assert await scene.recovered(up) < PROMISE + FAILOVER
        assert worker.alive
        # Commands and pages work as on one server.
        await _commands_work(cluster.url, **settings)
        status, _ = await _get(scene, "/health/ready")
        assert status == 200
        _, metrics = await _get(scene, "/metrics")
        assert "answerback_threads" in metrics, metrics


async def test_pauses_drains_and_deploys_on_a_cluster(tmp_path: Path, cluster: ClusterServers) -> None:
    """Turns, signals and versions are in partitions on all servers."""
    system = System(tmp_path, {"ANSWERBACK_PARTITIONS": "16"}, server=cluster)
    threads = range(6)

    async def tool(*words: str) -> Done:
        done = await asyncio.to_thread(command, *words, settings={**system.settings, "REDIS_URL": cluster.url})
        assert done.code == 0, done
        return done

    async def worker(version: str) -> tuple[str, Process]:
        known = {report.id for report, _ in await system.roster.workers()}
        agents = "tests.acceptance.versioned:held_agents"
        process = await system.worker(agents, CODE=version, ANSWERBACK_VERSION=version)
        (id,) = {report.id for report, _ in await system.roster.workers()} - known
        return id, process

    async def say(text: str) -> None:
        for each in threads:
            await system.deliver("standard", Standard().message(f"{text} {each}", thread=f"t{each}"))

    await system.open()
    try:
        assert len({cluster.primary_of(_slot_of(system, each)).port for each in threads}) > 1
        await system.ingress()
        _, dying = await worker("one")
        await say("first")
        for each in threads:
            await system.marked(f"began-first-{each}-one-1")
        await worker("two")
        drained, leaving = await worker("one")
        rows = json.loads((await tool("deploys", "--json")).out)
        assert {row["version"]: (row["live"], row["pinned"]) for row in rows} == {"one": (2, 6), "two": (1, 0)}

        # A dead worker's turns go to the last one of their version, which finishes them although it is drained.
        await dying.kill()
        for each in threads:
            await system.marked(f"began-first-{each}-one-2")
        await tool("drain", drained)
        await tool("pause", "--agent", "held")
        await say("second")
        system.release()
        assert await leaving.wait() == 0
        await until(system.queues, lambda q: (q.handled, q.turns.paused) == (6, 6), what="six turns, and six that wait")
        assert "paused: agent:held" in (await tool("queue")).out
        await tool("resume", "--agent", "held")
        await system.quiet(12)
        for each in threads:
            assert await system.answers(f"standard:t{each}") == ["one", "two"]
    finally:
        await system.close()


@needs_tls
async def test_a_master_that_hangs_is_left_at_once(sentinels: SentinelServers) -> None:
    """It does not end the TLS of the connections that are closed, as those that wait for it must not await."""
    database = Database(sentinels.url, timeout=1.5)
    await database.call("PING")
    former = sentinels.master()

    async def waiting() -> bool:
        return int(former.client.info("clients")["blocked_clients"]) == 1

    async def answers() -> bool:
        with suppress(StoreUnavailable):
            await database.call("PING")
            return sentinels.master() is not former
        return False

    blocked = asyncio.create_task(database.wait("BLPOP", "ab:nothing", seconds=600))
    try:
        async with database.listening() as listener:
            listener.send("SUBSCRIBE", "ab:news")
            await listener.read()
            reading = asyncio.create_task(listener.read())
            await until(waiting, what="both waiting")
            former.pause()
            await until(answers, what="a failover")
            for each in (blocked, reading):
                with pytest.raises(StoreUnavailable):
                    await asyncio.wait_for(each, FAILOVER)
    finally:
        former.go_on()
        await database.close()


@needs_tls
async def test_another_name_than_the_certificates_is_refused(
    sentinels: SentinelServers, cluster: ClusterServers
) -> None:
    for servers in (sentinels, cluster):
        url = servers.url.replace(HOST, "127.0.0.1")
        await _refused(url)
        await _pong(url + "&ssl_check_hostname=no")
    # What the nodes of a Cluster announce is verified as well.
    cluster.configure("cluster-preferred-endpoint-type", "ip")
    await _refused(cluster.url)
    cluster.configure("cluster-preferred-endpoint-type", "hostname")
    await _pong(cluster.url)


def _slot_of(system: System, number: int) -> int:
    return slot(keys.counters(system.threads.partitions.current.of(f"standard:t{number}")))


async def _refused(url: str) -> None:
    database = Database(url)
    with pytest.raises(StoreUnavailable, match="Use a name in the server's certificate"):
        await database.call("PING")
    await database.close()


async def _pong(url: str) -> None:
    database = Database(url)
    await database.call("PING")
    await database.close()


async def _commands_work(url: str, **settings: str) -> None:
    environment = {"PATH": os.environ["PATH"], "REDIS_URL": url, **settings}
    for words in COMMANDS:
        done = await asyncio.to_thread(command, *words.split(), settings=environment)
        assert done.code == 0, (words, done)


async def _get(scene: Scene, path: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{scene.system.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()
