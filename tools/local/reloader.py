"""Replace the workers of `up` when the code of their agents changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from ..exits import Failure
from .processes import Process, Write
from .source_files import SourceFiles

MOST_NAMES = 3
"""Changed files that are named."""


class Reloader:
    """Starts a worker with the new code for each running one, and lets the old one finish its turns.

    The old one goes on if the new one does not get ready.

    Args:
        processes: the processes of `up`; new ones are added.
        keepers: the tasks that keep them; new ones are added.
        is_ready: tells whether a process claims threads.
        within: seconds that a new worker may take to get ready.
    """

    def __init__(
        self,
        files: SourceFiles,
        processes: list[Process],
        keepers: list[asyncio.Task[None]],
        is_ready: Callable[[Process], Awaitable[bool]],
        write: Write,
        *,
        within: float,
    ) -> None:
        self._files = files
        self._processes = processes
        self._keepers = keepers
        self._is_ready = is_ready
        self._write = write
        self._within = within

    async def keep(self) -> None:
        """Reload after each change, forever."""
        while True:
            self._write("up", f"{_named(await self._files.changed())} changed: reloading the agents")
            for old in [each for each in self._processes if each.name.startswith("worker") and not each.ending]:
                if not await self._replace(old):
                    break

    async def _replace(self, old: Process) -> bool:
        """Start a worker, and end the old one once the new one is ready. Return whether it got ready."""
        new = old.again()
        self._processes.append(new)
        keeper = asyncio.create_task(self._kept(new))
        self._keepers.append(keeper)
        deadline = time.monotonic() + self._within
        while not keeper.done() and time.monotonic() < deadline:
            if await self._is_ready(new):
                new.started = True
                self._write("up", f"{new.name} runs the new code; the old one finishes its turns")
                old.end()
                return True
            await asyncio.sleep(0.05)
        new.end()
        why = "see above" if keeper.done() else f"it was not ready after {self._within:g} s"
        self._write("up", f"{new.name} could not load the new code ({why}); the old code goes on")
        return False

    async def _kept(self, process: Process) -> None:
        try:
            with suppress(Failure):  # it ended before it was ready
                await process.keep()
        finally:
            self._processes.remove(process)


def _named(paths: list[Path]) -> str:
    more = f" and {len(paths) - MOST_NAMES} more" if len(paths) > MOST_NAMES else ""
    return ", ".join(str(path) for path in paths[:MOST_NAMES]) + more
