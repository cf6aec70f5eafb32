"""What is done now and then, by one worker at a time: arq cron jobs."""

from __future__ import annotations

from typing import Any

from arq import cron

from answerback.store import Chats, WorkerRegistry

from .retention import Retention


async def forget_silent_workers(ctx: dict[Any, Any]) -> int:
    """Drop the reports of workers that have been silent for a day. Returns how many still report."""
    roster: WorkerRegistry = ctx["roster"]
    return len(await roster.workers())


async def purge_ephemeral_chats(ctx: dict[Any, Any]) -> int:
    """Take away the chats that were made for one answer and left behind. Returns how many."""
    chats: Chats = ctx["chats"]
    return await chats.purge_ephemeral()


async def drop_idle_threads(ctx: dict[Any, Any]) -> int:
    """Drop threads that were idle for longer than RETENTION_DAYS. Returns how many."""
    retention: Retention = ctx["retention"]
    return await retention.apply()


UPKEEP = (
    cron(forget_silent_workers, name="forget_silent_workers", minute=7, unique=True),
    cron(purge_ephemeral_chats, name="purge_ephemeral_chats", minute=set(range(3, 60, 10)), unique=True),
    # Ended long before its next time, a long run goes on then, and never beside itself.
    cron(drop_idle_threads, name="drop_idle_threads", minute={9, 29, 49}, unique=True, timeout=900),
)
