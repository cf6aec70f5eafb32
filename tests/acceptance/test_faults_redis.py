"""A Redis that dies, stands still, is torn or full: senders are told to come back, and nothing stored is lost."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from answerback.store import keys
from answerback.store.embedded import EmbeddedServer
from tests.acceptance.scene import AGENTS, NOISE, PROMISE, Scene
from tests.acceptance.system import until

STANDSTILL = 7.0
"""Seconds: longer than every timeout of ours."""


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """With one worker."""
    async with Scene.open(tmp_path, ACCEPT_TIMEOUT="1") as opened:
        opened.steady = await opened.worker()
        yield opened


async def test_kill_9_and_restart(scene: Scene) -> None:
    async with scene.chatter():
        up = None
        for _ in range(3):
            await asyncio.sleep(random.uniform(0.2, 0.6))
            scene.note("kill", "redis")
            await asyncio.to_thread(scene.system.server.kill)
            await asyncio.sleep(random.uniform(0, 0.3))
            await asyncio.to_thread(scene.system.server.start)
            up = scene.note("start", "redis")
    await scene.check()
    assert up is not None
    assert await scene.recovered(up) < PROMISE + NOISE
    assert scene.steady.alive


async def test_a_standstill_longer_than_every_timeout(scene: Scene) -> None:
    second = await scene.worker()
    long = [scene.talk("standard") for _ in range(12)]
    await asyncio.gather(*[scene.say(talk, f"wait {STANDSTILL + 1}") for talk in long])
    async with scene.chatter():
        await asyncio.sleep(0.5)
        os.kill(scene.system.server.pid, signal.SIGSTOP)
        scene.note("stop", "redis")
        await asyncio.sleep(STANDSTILL)
        talk = scene.talk("standard")
        delivery = talk.say("is anybody there?")
        assert (await scene.system.post("standard", delivery))[0] == 503
        os.kill(scene.system.server.pid, signal.SIGCONT)
        up = scene.note("go-on", "redis")
        await scene.deliver(talk, delivery)
    await scene.check()
    assert await scene.recovered(up) < PROMISE + NOISE
    for worker in (scene.steady, second):
        assert worker.alive
        # Each renews what it holds before another one takes it for left behind.
        assert not worker.lines("lease lost")
        assert not worker.lines("another worker has taken over this thread")


async def test_a_torn_tail_of_the_append_only_file(scene: Scene) -> None:
    """A write that was under way when the power failed: it was never acknowledged."""
    async with scene.chatter():
        await asyncio.sleep(0.5)
    await asyncio.to_thread(scene.system.server.kill)
    assert isinstance(scene.system.server, EmbeddedServer)
    [*_, file] = sorted((scene.system.server.data / "appendonlydir").glob("*.incr.aof"))
    with file.open("ab") as log:
        log.write(b"*3\r\n$3\r\nSET\r\n$5\r\ntorn!\r\n$100\r\nhalf of it")
    await asyncio.to_thread(scene.system.server.start)
    assert b"torn!" not in file.read_bytes()
    await scene.check()
    async with scene.chatter():
        await asyncio.sleep(0.3)
    await scene.check()


async def test_memory_is_full_turns_go_on_and_senders_come_back(scene: Scene) -> None:
    async with scene.chatter():
        await asyncio.sleep(0.3)
    await scene.check()
    assert await scene.steady.stop() == 0
    talks = [scene.talk("github") for _ in range(20)]
    for talk in talks:
        await scene.say(talk)
    await scene.system.database.call("CONFIG", "SET", "maxmemory", 1)
    scene.note("full", "memory")
    delivery = talks[0].say("is there room?")
    talks[0].without.add(1)
    status, _ = await scene.system.post("github", delivery)
    assert status == 503
    # Even by a worker that is started only now.
    await scene.system.start("worker", ANSWERBACK_AGENTS=AGENTS)
    await scene.check()
    assert (await scene.system.post("github", delivery))[0] == 503
    await scene.system.database.call("CONFIG", "SET", "maxmemory", 0)
    talks[0].without.clear()
    await scene.deliver(talks[0], delivery)
    await scene.check()


async def test_emptied_under_running_processes(scene: Scene) -> None:
    """What was stored is gone; who we are is known again, so that no reply of ours is answered, and work goes on."""
    async with scene.chatter():
        await asyncio.sleep(0.3)
    await scene.check()
    await scene.system.database.call("FLUSHALL")
    scene.note("empty", "redis")
    # What is counted is counted from here on.
    scene.accepted = 0
    async with scene.chatter():
        await asyncio.sleep(0.5)
    await scene.check()

    async def known() -> bool:
        return bool(await scene.system.database.call("SCARD", keys.own_identities(0)))

    await until(known, what="our marks being there again")
    assert scene.steady.alive
    assert await scene.dead() == []


class Disk:
    """The disk on which a scene's server keeps its data, with little room."""

    def __init__(self, folder: Path, how: str) -> None:
        self._data = folder / "data"
        self._data.mkdir(mode=0o700, parents=True)
        self._mounted = how == "a small disk"
        if self._mounted:
            mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(self._data)]
            if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
                pytest.skip("only root may mount")

    def fill(self, server: int) -> None:
        """Leave a little room to a running server."""
        if not self._mounted:
            [*_, file] = sorted((self._data / "appendonlydir").glob("*.incr.aof"))
            limit = file.stat().st_size + 50_000
            resource.prlimit(server, resource.RLIMIT_FSIZE, (limit, limit))
            return
        room = os.statvfs(self._data)
        (self._data / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize - 50_000))

    def empty(self) -> None:
        """Make room. A limit ends with the process."""
        (self._data / "filler").unlink(missing_ok=True)

    def close(self) -> None:
        """Give it back."""
        if self._mounted:
            subprocess.run(["umount", self._data], check=True)


@pytest.mark.parametrize("how", ["a small disk", "a limit of the file's size"])
async def test_the_disk_is_full_and_then_is_not(tmp_path: Path, how: str) -> None:
    """A server that must write everything at once, and cannot, ends: what it had acknowledged is there."""
    with closing(Disk(tmp_path, how)) as disk:
        async with Scene.open(tmp_path) as scene:
            worker = await scene.worker()
            disk.fill(scene.system.server.pid)
            scene.note("full", "disk")

            async def gone() -> bool:
                return not scene.system.server.alive

            async with scene.chatter():
                await until(gone, what="the server giving up")
                talk = scene.talk("standard")
                delivery = talk.say("is there room?")
                assert (await scene.system.post("standard", delivery))[0] == 503
                disk.empty()
                await asyncio.to_thread(scene.system.server.start)
                up = scene.note("start", "redis")
                await scene.deliver(talk, delivery)
            await scene.check()
            assert await scene.recovered(up) < PROMISE + NOISE
            assert worker.alive
