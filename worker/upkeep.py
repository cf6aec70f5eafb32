"""What is done now and then, by one worker at a time: an arq cron job."""

from __future__ import annotations

from typing import Any

from arq import cron

from answerback.store import Roster


async def forget_silent_workers(ctx: dict[Any, Any]) -> int:
    """Drop the reports of workers that have been silent for a day. Returns how many still report."""
    roster: Roster = ctx["roster"]
    return len(await roster.workers())


upkeep = cron(forget_silent_workers, name="forget_silent_workers", minute=7, unique=True)
