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
        roster: WorkerRegistry,
        served: AgentRegistry,
        turns: Turns,
        working: Claimer[Claim],
        sending: Claimer[Outgoing],
        identities: Identities,
    ) -> None:
        self._worker = worker
        self._settings = settings
        self._database = threads.database
        self._roster = roster
        self._served = served
        self._turns = turns
        self._working = working
        self._sending = sending
        self._identities = identities
        self._flows = Flows(threads)
        self._measures = Metrics(threads.database)
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
                if await self._roster.report(self._report()):
                    flows_written = False
                await self._identities.look_after()
                if not flows_written:
                    await self._flows.tell(self._served.sketches())
                    flows_written = True
                await self._turns.tally.flush(self._measures)
            except (StoreUnavailable, StoreFull):
                pass  # already logged by the guard
            finally:
                self.tried.set()
            await asyncio.sleep(self._settings.lease / 3)

    def tell_blocked(self, what: str) -> None:
        """Report from another thread that the event loop is blocked, and by what."""
        report_from_thread(self._settings.redis(), self._report(what))

    async def leave(self) -> None:
        """Remove the report. If Redis is unavailable, the registry drops it later by itself."""
        try:
            await self._roster.leave(self._worker)
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
            turns=len(self._working),
            sending=len(self._sending),
            concurrency=self._settings.concurrency,
            done=self._turns.tally.done,
            failed=self._turns.tally.failed,
            agents=self._served.reports(self._turns.running),
            marks=self._identities.marks,
            blocked=blocked,
        )
