"""The worker's heartbeat: its report in the registry, its flows and its metrics."""

from __future__ import annotations

import asyncio
import os
import socket

from answerback.errors import StoreFull, StoreUnavailable
from answerback.settings import Settings
from answerback.store.fleet.flows import Flows
from answerback.store.fleet.metrics import Metrics
from answerback.store.fleet.workers import WorkerRegistry, WorkerReport, report_from_thread
from answerback.store.threads.outbox import Outgoing
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads

from .claiming.claims import Claimer
from .replies.identities import Identities
from .turns.agents import AgentRegistry
from .turns.turns import Turns


class Heartbeat:
    """Writes the worker's report and metrics periodically. `worker`: its id."""

    def __init__(
        self,
        worker: str,
        settings: Settings,
        threads: Threads,
        workers: WorkerRegistry,
        agents: AgentRegistry,
        turns: Turns,
        turn_claimer: Claimer[Claim],
        reply_claimer: Claimer[Outgoing],
        identities: Identities,
    ) -> None:
        self._worker = worker
        self._settings = settings
        self._threads = threads
        self._database = threads.database
        self._workers = workers
        self._agents = agents
        self._turns = turns
        self._turn_claimer = turn_claimer
        self._reply_claimer = reply_claimer
        self._identities = identities
        self._flows = Flows(threads)
        self._metrics = Metrics(threads.database)
        self._started = 0
        self.tried = asyncio.Event()
        """Set once the first report was written or has failed."""

    async def keep(self) -> None:
        """Report now and then periodically, forever.

        The flows of our agents are written once, and again when Redis does not know this worker: it was emptied or
        replaced.
        """
        flows_written = False
        while True:
            try:
                self._started = self._started or await self._database.now()
                if await self._workers.report(self._report()):
                    flows_written = False
                await self._identities.restore()
                if not flows_written:
                    await self._flows.report(self._agents.diagrams())
                    flows_written = True
                await self._turns.counters.flush(self._metrics)
            except (StoreUnavailable, StoreFull):
                pass  # already logged by the guard
            finally:
                self.tried.set()
            await asyncio.sleep(self._settings.lease / 3)

    def report_blocked(self, what: str) -> None:
        """Report from another thread that the event loop is blocked, and by what."""
        report_from_thread(self._settings.redis(), self._report(what))

    async def leave(self) -> None:
        """Remove the report. If Redis is unavailable, the registry drops it later by itself."""
        try:
            await self._workers.leave(self._worker)
            for p in await self._threads.partitions.all():
                await self._threads.forget(p, self._worker)
        except (StoreUnavailable, StoreFull):
            pass

    def _report(self, blocked: str = "") -> WorkerReport:
        return WorkerReport(
            id=self._worker,
            host=socket.gethostname(),
            pid=os.getpid(),
            started=self._started,
            seen=0,
            lease=int(self._settings.lease * 1000),
            state="stopping" if self._turns.stopping else "working",
            turns=len(self._turn_claimer),
            sending=len(self._reply_claimer),
            concurrency=self._settings.concurrency,
            done=self._turns.counters.done,
            failed=self._turns.counters.failed,
            agents=self._agents.reports(self._turns.running),
            marks=self._identities.marks,
            blocked=blocked,
            version=self._threads.version,
        )
