"""Retention: exports idle threads to a file and removes them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from answerback.archive import Archive, line
from answerback.errors import NewerData
from answerback.log import get_logger
from answerback.settings import Settings
from answerback.store.threads.archives import Archives
from answerback.store.threads.threads import Threads

from .retry import retry_while_unavailable

log = get_logger(__name__)

BATCH = 20
"""Threads held in memory at a time and written with one fsync."""


class Retention:
    """Removes idle threads, oldest first.

    A thread is idle if nothing in it is waiting, running, unsent or dead, and it is not pinned. It is removed only if
    it has not changed since it was exported; otherwise it is kept and exported again once it is idle again. An
    interrupted run continues the next time; a thread may then be in the files twice, and the later line is the
    valid one.
    """

    def __init__(self, settings: Settings, threads: Threads) -> None:
        self._days = settings.retention_days
        self._folder = settings.retention_export
        self._threads = threads
        self._archives = Archives(threads, seen_days=settings.seen_days)

    async def apply(self) -> int:
        """Remove all threads that are due. Return how many."""
        if self._days is None:
            return 0
        dropped = 0
        try:
            async for count in self._batches(self._days):
                dropped += count
        except OSError as error:
            # A thread that cannot be exported is not removed.
            log.error("idle threads kept: export failed", folder=str(self._folder), error=str(error))
        if dropped:
            log.info("idle threads removed", threads=dropped, days=self._days, exported=str(self._folder or ""))
        return dropped

    async def _batches(self, days: float) -> AsyncIterator[int]:
        now = await retry_while_unavailable(self._threads.database.now)
        before = now - int(days * 86_400_000)
        for p in await self._threads.partitions.all():
            kept = 0
            while ids := await retry_while_unavailable(self._archives.idle, p, before, kept, BATCH):
                archives = [archive for id in ids if (archive := await self._read(id))]
                done = await self._drop([archive for archive in archives if _due(archive, before)], now)
                kept += len(ids) - done
                yield done

    async def _read(self, id: str) -> Archive | None:
        try:
            return await retry_while_unavailable(self._archives.read, id)
        except NewerData as error:
            log.warning("idle thread kept", reason=str(error))
            return None

    async def _drop(self, archives: Sequence[Archive], now: int) -> int:
        if archives and self._folder is not None:
            await asyncio.to_thread(append, self._folder, now, [line(archive) for archive in archives])
        return sum([await retry_while_unavailable(self._archives.purge_idle, archive) for archive in archives])


def append(folder: Path, now: int, lines: Sequence[bytes]) -> None:
    """Append lines to the file of the day, mode 0600, and fsync it. Raises `OSError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / time.strftime("threads-%Y-%m-%d.jsonl", time.gmtime(now / 1000))
    new = not path.exists()
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b", buffering=0) as file:
        # A worker that died while writing left a partial line: start a new one.
        torn = file.seek(0, os.SEEK_END) > 0 and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n"
        data = memoryview(b"\n" * torn + b"".join(lines))
        while data:
            data = data[file.write(data) :]
        os.fsync(file.fileno())
    if new:
        # The directory entry of a new file is durable only once the directory is synced.
        directory = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _due(archive: Archive, before: int) -> bool:
    busy = archive.waiting or archive.unsent or archive.journal or archive.dead or archive.fields.get("pinned")
    # An imported thread keeps its original age, so count from its import.
    return not busy and int(archive.fields.get("imported", 0)) < before
