"""Another number of partitions while everything is at work, and processes die."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import msgspec
import pytest

from answerback.store.threads.moves import Progress
from tests.acceptance.scene import AGENTS, Scene
from tests.acceptance.system import until
from tests.acceptance.terminal import command


@pytest.mark.long
async def test_threads_move_to_other_partitions_while_processes_die(tmp_path: Path) -> None:
    """1, then 16, then 4: nothing is lost, doubled or out of order, whichever worker moves them."""
    async with Scene.open(tmp_path) as scene:
        settings = {"REDIS_URL": scene.system.server.url, "PATH": "/usr/bin:/bin"}
        worker = await scene.worker()
        async with scene.chatter():
            for count in (16, 4):
                arguments = ("partitions", "set", str(count), "--json")
                moving = asyncio.create_task(asyncio.to_thread(command, *arguments, settings=settings, folder=tmp_path))
                for _ in range(2):
                    successor = await scene.worker()
                    await asyncio.sleep(random.uniform(0, 1))
                    await worker.kill()
                    worker = successor
                done = await moving
                assert (done.code, done.err) == (0, "")
                progress = msgspec.json.decode(done.out, type=Progress)
                assert (progress.partitions, progress.former, progress.left) == (count, None, 0)
        await scene.check()


async def test_a_process_with_another_number_waits_and_says_so(tmp_path: Path) -> None:
    async with Scene.open(tmp_path) as scene:
        talk = scene.talk("standard")
        worker = await scene.worker(ANSWERBACK_PARTITIONS="2")
        await scene.say(talk)
        await scene.check()
        assert await worker.stop() == 0
        other = await scene.system.start(
            "tests.acceptance.sabotaged worker", ANSWERBACK_AGENTS=AGENTS, ANSWERBACK_PARTITIONS="3"
        )

        async def said() -> bool:
            lines = other.lines("Redis server not usable") if other.log.exists() else []
            return any("ANSWERBACK_PARTITIONS is 3" in line["reason"] for line in lines)

        await until(said, what="the worker saying that the number is another")
        await scene.say(talk)
        settings = {"REDIS_URL": scene.system.server.url, "PATH": "/usr/bin:/bin"}
        begun = await asyncio.to_thread(
            command, "partitions", "set", "3", "--no-wait", settings=settings, folder=tmp_path
        )
        assert begun.out.startswith("moving from 2 to 3 partitions")
        assert "no worker is running" in begun.err
        await scene.check()
        assert await other.stop() == 0
