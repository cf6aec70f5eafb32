"""Periodic maintenance, run by one worker at a time as arq cron jobs."""

from __future__ import annotations

from typing import Any

from arq import cron

from answerback.store.chats.chats import Chats
from answerback.store.fleet.workers import WorkerRegistry

from .retention import Retention


async def forget_silent_workers(ctx: dict[Any, Any]) -> int:
    """Remove reports of workers that have been silent for a day. Return the number of workers left."""
    roster: WorkerRegistry = ctx["roster"]
    return len(await roster.workers())


async def purge_ephemeral_chats(ctx: dict[Any, Any]) -> int:
    """Remove ephemeral chats that were left behind. Return how many."""
    chats: Chats = ctx["chats"]
    return await chats.purge_ephemeral()


async def drop_idle_threads(ctx: dict[Any, Any]) -> int:
    """Remove threads that were idle for longer than RETENTION_DAYS. Return how many."""
    retention: Retention = ctx["retention"]
    return await retention.apply()


UPKEEP = (
    cron(forget_silent_workers, name="forget_silent_workers", minute=7, unique=True),
    cron(purge_ephemeral_chats, name="purge_ephemeral_chats", minute=set(range(3, 60, 10)), unique=True),
    # The timeout ends a long run before the next one starts, so two never overlap; the next run continues the work.
    cron(drop_idle_threads, name="drop_idle_threads", minute={9, 29, 49}, unique=True, timeout=900),
)
