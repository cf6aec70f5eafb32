"""A worker whose event loop is blocked, one that is asked to stop while Redis is away, and how they are watched."""

from __future__ import annotations

import asyncio
import os
import signal

import aiohttp
import pytest

from answerback.store.fleet.workers import WorkerReport
from answerback.testing.standins.sender import Standard
from tests.acceptance.system import System, free_port, until

WHERE = 'agent "block" in agents.py:'


async def test_what_blocks_a_worker_is_named_everywhere(plain: System) -> None:
    await plain.ingress()
    worker = await plain.worker("tests.acceptance.agents:blocks")
    await plain.deliver("standard", Standard().message("hello"))

    async def reports() -> list[tuple[WorkerReport, int]]:
        return await plain.roster.workers()

    # Longer than its lease: it is there still.
    await until(reports, lambda found: found[0][0].blocked.startswith(WHERE), what="the block being reported")
    started = (await reports())[0][0].seen
    found = await until(reports, lambda found: found[0][0].seen > started + 3000, what="reports that go on")
    assert found[0][0].blocked.endswith("block()")
    assert found[0][1] <= found[0][0].lease
    [line] = worker.lines("event loop blocked")
    assert line["agent"] == "block"
    assert line["level"] == "warning"
    assert "time.sleep(0.01)" in line["stack"]
    listed = await plain.start("tools workers")
    assert await listed.wait() == 0
    assert "blocked" in listed.words()
    sent = await plain.start("tools send --timeout 4 --new hello", PORT=str(plain.port))
    await sent.wait()
    assert f"blocked by {WHERE}" in sent.words()
    assert "no worker is running" not in sent.words()
    await worker.kill()


@pytest.mark.parametrize("how", ["killed", "paused"])
async def test_a_worker_stops_while_redis_is_away(plain: System, how: str) -> None:
    await plain.ingress()
    worker = await plain.worker("tests.acceptance.agents:holds", SHUTDOWN_GRACE_SECONDS="300")
    await plain.deliver("standard", Standard().message("hello"))
    await plain.marked("hello-1")
    if how == "killed":
        await asyncio.to_thread(plain.server.kill)
    else:
        os.kill(plain.server.pid, signal.SIGSTOP)
    try:
        worker.signal(signal.SIGTERM)
        assert await worker.wait(within=30) == 0
    finally:
        if how == "killed":
            await asyncio.to_thread(plain.server.start)
        else:
            os.kill(plain.server.pid, signal.SIGCONT)
    assert worker.lines(
        "stopped while Redis is unavailable; claimed threads will be reclaimed when their leases expire"
    )
    assert len(worker.lines("Redis unavailable")) <= 2
    assert worker.words().count('"level": "warning"') <= 5
    # What it held is somebody else's soon.
    plain.release()
    await plain.worker("tests.acceptance.agents:holds")
    await plain.quiet(1)


async def test_a_worker_can_be_watched_on_a_port_of_its_own(plain: System) -> None:
    port = free_port()
    worker = await plain.worker("tests.acceptance.agents:echoes", WORKER_METRICS_PORT=str(port), METRICS_TOKEN="scrape")
    await plain.ingress()
    await plain.deliver("standard", Standard().message("hello"))
    await plain.quiet(1)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

        async def ready() -> int:
            async with session.get("/health/ready") as answer:
                return answer.status

        assert await ready() == 200
        async with session.get("/metrics") as answer:
            assert answer.status == 401
        async with session.get("/metrics", headers={"Authorization": "Bearer scrape"}) as answer:
            metrics = await answer.text()
        assert 'answerback_turns_total{agent="echo",outcome="completed"} 1.0' in metrics
        assert "answerback_event_loop_blocks_total" in metrics
        await asyncio.to_thread(plain.server.kill)
        await until(ready, lambda status: status == 503, what="not being ready without Redis")
        async with session.get("/health/live") as answer:
            assert answer.status == 200
        await asyncio.to_thread(plain.server.start)
        await until(ready, lambda status: status == 200, what="being ready again")
    assert await worker.stop() == 0
