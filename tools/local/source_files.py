"""The files of a project whose change reloads its agents, found by looking at their times and sizes.

Polling needs no library and works where notifications of the file system do not: in containers with mounted folders, on
network file systems. A project of a thousand files takes some milliseconds, twice a second.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path

from ..exits import Failure

SUFFIXES = (".py", ".json", ".yaml", ".yml", ".toml", ".md", ".jinja", ".j2")
"""Code, flows, prompts and documents."""
INTERVAL = 0.4
MOST = 20_000
"""Files and folders that are looked at; a folder with more is hardly a project."""

_OTHERS = frozenset({"__pycache__", "node_modules"})

State = dict[str, tuple[int, int, int]]


class SourceFiles:
    """The source files below a folder, without hidden folders, virtual environments and the folder `data`.

    Raises `Failure` if there are too many.
    """

    def __init__(self, folder: Path, data: Path) -> None:
        self._folder = folder
        self._data = data.absolute()
        self._state = self._look()

    async def changed(self) -> list[Path]:
        """Wait until files were changed, added or removed, and no more follow. Return them, relative to the folder."""
        before = self._state
        while True:
            await asyncio.sleep(INTERVAL)
            latest = await asyncio.to_thread(self._look)
            # An editor writes a file in several steps, and version control writes many files.
            settled, self._state = latest == self._state, latest
            names = [name for name in sorted({*before, *latest}) if before.get(name) != latest.get(name)]
            if settled and names:
                for name in names:
                    _forget_bytecode(name)
                return [Path(name).relative_to(self._folder) for name in names]

    def _look(self) -> State:
        state: State = {}
        for path in self._files(str(self._folder)):
            try:
                status = os.stat(path)
            except OSError:
                continue  # it was removed a moment ago
            state[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
        return state

    def _files(self, top: str) -> Iterator[str]:
        seen, folders = 0, [top]
        while folders:
            try:
                entries = list(os.scandir(folders.pop()))
            except OSError:
                continue
            if any(entry.name == "pyvenv.cfg" for entry in entries):
                continue
            seen += len(entries)
            if seen > MOST:
                raise Failure(
                    f"--reload would watch more than {MOST} files in {self._folder}: run it in your project's folder."
                )
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith(".") and entry.name not in _OTHERS and Path(entry) != self._data:
                        folders.append(entry.path)
                elif entry.name.endswith(SUFFIXES) and not entry.name.startswith("."):
                    yield entry.path


def _forget_bytecode(name: str) -> None:
    """Remove the compiled form of a module: Python takes it for current if size and second of the change are equal."""
    if name.endswith(".py"):
        Path(cache_from_source(name)).unlink(missing_ok=True)
