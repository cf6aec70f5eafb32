"""Events for an agent that this worker does not run: left to a worker that does, or dead-lettered if none does."""

from __future__ import annotations

import random

from answerback.events import Event
from answerback.log import get_logger
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.stream.events import stream_event
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads

from ..backoff import Backoff
from ..retry import retry_while_unavailable
from .dead_letters import bury, letter

log = get_logger(__name__)

DELAY = 0.2
"""Seconds a released thread is left for another worker, with jitter from half of it up."""


class UnservedAgents:
    """Releases threads whose agent this worker does not run."""

    def __init__(self, threads: Threads, roster: WorkerRegistry, backoff: Backoff, *, max_attempts: int) -> None:
        self._threads = threads
        self._roster = roster
        self._backoff = backoff
        self._max_attempts = max_attempts

    async def leave(self, claim: Claim, event: Event) -> None:
        """Release a claimed thread whose next event names an agent that we do not run.

        If another worker runs it, that is not a failure. Otherwise it is retried as often as a turn: such a worker may
        be about to start.
        """
        if await retry_while_unavailable(self._served, event.agent):
            await retry_while_unavailable(
                self._threads.release, claim, "handed back", delay=DELAY * random.uniform(0.5, 1)
            )
            return
        why = f'no worker serves the agent "{event.agent}"'
        if claim.attempt - claim.crashes >= self._max_attempts:
            log.error("turn failed permanently", thread=claim.thread, delivery=event.delivery, reason=why)
            buried = letter(claim, why, attempts=claim.attempt, agent=event.agent)
            await bury(self._threads, claim, *buried, "unreachable")
            return
        delay = self._backoff.after(claim.attempt)
        log.warning("turn cannot start; will be retried", thread=claim.thread, reason=why, next_try=round(delay, 3))
        again = stream_event("retry", event.id, reason=why, code="unreachable", attempt=claim.attempt, seconds=delay)
        await retry_while_unavailable(
            self._threads.release, claim, delay=delay, error=why, deltas=[again] if claim.live else []
        )

    async def _served(self, agent: str) -> bool:
        """Return whether a live worker runs the agent."""
        return any(
            silent <= report.lease and any(each.name == agent and not each.workspace for each in report.agents)
            for report, silent in await self._roster.workers()
        )
