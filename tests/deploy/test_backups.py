"""A backup, restored on another server: everything is there, what waits is answered once, and nothing is repeated."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from answerback.testing.standins.sender import Standard
from tests.acceptance.system import System
from tests.deploy.programs import DEPLOY, program, run

BACKUP, RESTORE = DEPLOY / "backup/backup.sh", DEPLOY / "backup/restore.sh"
COUNT = "tests.acceptance.agents:counts"


in_its_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lived(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """Run a system with a thread that has history, a dead letter, and messages that wait: no worker runs."""
    async with System.running(tmp_path_factory.mktemp("first"), {"TURN_MAX_ATTEMPTS": "1"}) as system:
        await system.ingress()
        worker = await system.worker("tests.acceptance.agents:failing")
        await system.deliver("standard", Standard().message("fail always", thread="dead"))
        await system.quiet(1)
        await worker.stop()
        worker = await system.worker(COUNT)
        for number in range(3):
            await system.deliver("standard", Standard().message(f"message {number}", thread="t", id=f"msg_{number}"))
        await system.quiet(4)
        await worker.stop()
        for number in range(3, 6):
            await system.deliver("standard", Standard().message(f"message {number}", thread="t", id=f"msg_{number}"))
        yield system


async def goes_on(tmp_path: Path, *, data: Path | None = None, archive: Path | None = None) -> None:
    """Start a system on a restored data folder or an archive, and check that it goes on as the first one would."""
    folder = tmp_path / "second"
    folder.mkdir()
    if data:
        data.rename(folder / "data")
    async with System.running(folder, {}) as system:
        await system.ingress()
        if archive:
            imported = await system.start(f"tools import {archive}")
            assert await imported.wait() == 0, imported.words()
        assert (await system.queues()).events_waiting == 3
        assert (await system.queues()).dead == 1
        assert await system.answers("standard:t") == ["0", "1", "2"]
        # Redelivered messages are duplicates: those that wait, and, in a snapshot, those that were answered.
        for number in range(6) if data else range(3, 6):
            again = Standard().message(f"message {number}", thread="t", id=f"msg_{number}")
            assert (await system.deliver("standard", again))["status"] == "duplicate"
        await system.worker(COUNT)
        await system.deliver("standard", Standard().message("message 6", thread="t"))
        # An import counts only what is handled here.
        await system.quiet(8 if data else 4)
        assert await system.answers("standard:t") == [str(number) for number in range(7)]


@in_its_loop
async def test_a_snapshot_is_taken_while_the_system_runs_and_restored(lived: System, tmp_path: Path) -> None:
    program("redis-cli", "apt install redis-server")
    program("redis-server")
    socket = lived.server.url.removeprefix("unix://").partition("?")[0]
    # As the user that the script proposes.
    (rule,) = re.findall(r"ACL SETUSER (.*)", BACKUP.read_text())
    await lived.database.call("ACL", "SETUSER", *rule.split())
    command = (BACKUP, tmp_path / "backups", "-s", socket, "--user", "backup")
    text = await asyncio.to_thread(run, *command, environment={"REDISCLI_AUTH": "PASSWORD"})
    (snapshot,) = (tmp_path / "backups").iterdir()
    assert text.strip() == str(snapshot)
    assert snapshot.stat().st_mode & 0o077 == 0
    data = tmp_path / "restored"
    (data / "appendonlydir").mkdir(parents=True)
    (data / "appendonlydir/old").touch()
    assert "keys are restored" in await asyncio.to_thread(run, RESTORE, snapshot, data)
    kept, restored = sorted(data.iterdir(), key=lambda path: len(path.name), reverse=True)
    assert [path.name for path in kept.iterdir()] == ["old"]
    assert restored.name == "appendonlydir"
    await goes_on(tmp_path, data=data)


@in_its_loop
async def test_a_copy_of_the_append_only_file_is_enough(lived: System, tmp_path: Path) -> None:
    call = lived.database.call
    await call("CONFIG", "SET", "auto-aof-rewrite-percentage", "0")
    assert (await call("INFO", "persistence"))["aof_rewrite_in_progress"] == 0
    shutil.copytree(lived.folder / "data/appendonlydir", tmp_path / "copied/appendonlydir")
    await goes_on(tmp_path, data=tmp_path / "copied")


@in_its_loop
async def test_an_archive_of_all_threads_is_imported_elsewhere(lived: System, tmp_path: Path) -> None:
    archive = tmp_path / "threads.jsonl"
    exported = await lived.start(f"tools export --all -o {archive}")
    assert await exported.wait() == 0, exported.words()
    await goes_on(tmp_path, archive=archive)


def test_a_failure_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    program("redis-cli", "apt install redis-server")
    program("redis-server")
    said = run(BACKUP, tmp_path / "backups", "-s", tmp_path / "nobody", code=1)
    assert "nobody" in said
    assert list((tmp_path / "backups").iterdir()) == []
    (tmp_path / "damaged.rdb").write_bytes(b"REDIS0011 and nothing that follows")
    (tmp_path / "data").mkdir()
    assert "cannot be loaded" in run(RESTORE, tmp_path / "damaged.rdb", tmp_path / "data", code=1)
    assert list((tmp_path / "data").iterdir()) == []
    assert "FOLDER" in run(BACKUP, code=2)
    assert "SNAPSHOT" in run(RESTORE, code=2)
