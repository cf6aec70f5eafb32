"""Which files of a project reload its agents when they change."""

from __future__ import annotations

import asyncio
import os
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from tools.exits import Failure
from tools.local import source_files
from tools.local.source_files import SourceFiles

WATCHED = ("mybot.py", "flows/kyc.json", "prompts/system.md")
OTHERS = (
    ".answerback/up.json",
    ".env",
    ".git/config.json",
    "env/pyvenv.cfg",
    "env/lib/site.py",
    "data/dump.json",
    "__pycache__/mybot.py",
    "node_modules/x/index.json",
    "notes.txt",
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_files, "INTERVAL", 0.01)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (*WATCHED, *OTHERS):
        write(tmp_path / name, "1")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


async def test_a_change_of_code_or_of_what_agents_are_made_of_is_noticed(project: Path) -> None:
    files = SourceFiles(project, project / "data")
    for name in (*OTHERS, *WATCHED):
        write(project / name, "another")
    write(project / "new.py", "")
    (project / "flows/kyc.json").unlink()
    async with asyncio.timeout(10):
        assert [str(path) for path in await files.changed()] == sorted([*WATCHED, "new.py"])
    write(project / "mybot.py", "a third")
    async with asyncio.timeout(10):
        assert await files.changed() == [Path("mybot.py")]


async def test_python_does_not_take_old_bytecode_for_the_changed_module(project: Path) -> None:
    """Python compares the second of the change and the size: two quick changes may have the same."""
    module = project / "mybot.py"
    files = SourceFiles(project, project / "data")
    bytecode = Path(cache_from_source(str(module)))
    bytecode.write_bytes(b"of the old code")
    module.write_text("2")
    os.utime(module)
    async with asyncio.timeout(10):
        assert await files.changed() == [Path("mybot.py")]
    assert not bytecode.exists()


def test_a_folder_that_is_no_project_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_files, "MOST", 5)
    with pytest.raises(Failure, match="run it in your project's folder"):
        SourceFiles(project, project / "data")
