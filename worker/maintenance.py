"""Periodic maintenance, run by one worker at a time as arq cron jobs."""

from __future__ import annotations

from typing import Any

from arq import cron
from arq.cron import CronJob

from answerback.store.chats.chats import Chats
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.threads.files import Files

from .retention import Retention


class Maintenance:
    """The maintenance jobs. Each returns a count, which arq logs."""

    def __init__(self, workers: WorkerRegistry, chats: Chats, files: Files, retention: Retention) -> None:
        self._workers = workers
        self._chats = chats
        self._files = files
        self._retention = retention

    def cron_jobs(self) -> list[CronJob]:
        """Return the schedule."""
        return [
            cron(self.forget_silent_workers, name="forget_silent_workers", minute=7, unique=True),
            cron(self.purge_ephemeral_chats, name="purge_ephemeral_chats", minute=set(range(3, 60, 10)), unique=True),
            cron(self.delete_unused_files, name="delete_unused_files", minute={17, 47}, unique=True),
            # The timeout ends a long run before the next one starts, so two never overlap; the next run continues the
            # work.
            cron(self.drop_idle_threads, name="drop_idle_threads", minute={9, 29, 49}, unique=True, timeout=900),
        ]

    async def forget_silent_workers(self, ctx: dict[Any, Any]) -> int:
        """Remove reports of workers that have been silent for a day. Return the number of workers left."""
        return len(await self._workers.workers())

    async def purge_ephemeral_chats(self, ctx: dict[Any, Any]) -> int:
        """Remove ephemeral chats that were left behind. Return how many."""
        return await self._chats.purge_ephemeral()

    async def delete_unused_files(self, ctx: dict[Any, Any]) -> int:
        """Delete uploaded files that no message has named for a day. Return how many."""
        return await self._files.delete_unused()

    async def drop_idle_threads(self, ctx: dict[Any, Any]) -> int:
        """Remove threads that were idle for longer than RETENTION_DAYS. Return how many."""
        return await self._retention.apply()
