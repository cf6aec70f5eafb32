"""Replace the workers of `up` when the code of their agents changes."""

from __future__ import annotations

from pathlib import Path

from .group import Group
from .processes import Write
from .source_files import SourceFiles

MOST_NAMES = 3
"""Changed files that are named."""


class Reloader:
    """Starts a worker with the new code for each running one, and lets the old one finish its turns.

    The old one continues if the new one does not become ready.
    """

    def __init__(self, files: SourceFiles, workers: Group, write: Write) -> None:
        self._files = files
        self._workers = workers
        self._write = write

    async def keep(self) -> None:
        """Reload after each change, forever."""
        while True:
            self._write("up", f"{_named(await self._files.changed())} changed: reloading the agents")
            for slot in range(self._workers.size):
                name = self._workers.name(slot)
                if why := await self._workers.replace(slot):
                    self._write("up", f"{name} could not load the new code ({why}); the old code stays in use")
                    break
                self._write("up", f"{name} runs the new code; the old one finishes its turns")


def _named(paths: list[Path]) -> str:
    more = f" and {len(paths) - MOST_NAMES} more" if len(paths) > MOST_NAMES else ""
    return ", ".join(str(path) for path in paths[:MOST_NAMES]) + more
