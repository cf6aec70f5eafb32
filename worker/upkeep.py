"""What is done now and then, by one worker at a time: arq cron jobs."""

from __future__ import annotations

from typing import Any

from arq import cron

from answerback.store import Chats, Roster


async def forget_silent_workers(ctx: dict[Any, Any]) -> int:
    """Drop the reports of workers that have been silent for a day. Returns how many still report."""
    roster: Roster = ctx["roster"]
    return len(await roster.workers())


async def purge_ephemeral_chats(ctx: dict[Any, Any]) -> int:
    """Take away the chats that were made for one answer and left behind. Returns how many."""
    chats: Chats = ctx["chats"]
    return await chats.purge_ephemeral()


UPKEEP = (
    cron(forget_silent_workers, name="forget_silent_workers", minute=7, unique=True),
    cron(purge_ephemeral_chats, name="purge_ephemeral_chats", minute=set(range(3, 60, 10)), unique=True),
)
