"""Events for an agent that this worker does not run: left to a worker that does, or retried if none does."""

from __future__ import annotations

import random

from answerback.events import Event
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads

from ..retry import retry_while_unavailable
from .failures import Failures

DELAY = 0.2
"""Seconds a released thread is left for another worker, with jitter from half of it up."""


class UnservedAgents:
    """Releases threads whose agent this worker does not run."""

    def __init__(self, threads: Threads, workers: WorkerRegistry, failures: Failures) -> None:
        self._threads = threads
        self._workers = workers
        self._failures = failures

    async def release(self, claim: Claim, event: Event) -> None:
        """Release a claimed thread whose next event names an agent that we do not run.

        If another worker runs it, that is not a failure. Otherwise it is retried as often as a turn.
        """
        if await retry_while_unavailable(self._is_served, event.agent):
            delay = DELAY * random.uniform(0.5, 1)
            await retry_while_unavailable(self._threads.release, claim, "handed back", delay=delay)
        else:
            await self._failures.no_worker(claim, event.agent)

    async def _is_served(self, agent: str) -> bool:
        """Return whether a live worker runs the agent."""
        return any(
            silent <= report.lease and any(each.name == agent and not each.workspace for each in report.agents)
            for report, silent in await self._workers.workers()
        )
