"""What a worker tells of itself for as long as it lives."""

from __future__ import annotations

import asyncio
import os
import socket

from answerback.errors import StoreFull, StoreUnavailable
from answerback.settings import Settings
from answerback.store import Claim, Flows, Outgoing, Threads, WorkerRegistry, WorkerReport
from answerback.store.fleet.metrics import Metrics
from answerback.store.fleet.workers import report_from_thread

from .claiming.claims import Claimer
from .replies.identities import Identities
from .turns.agents import AgentRegistry
from .turns.turns import Turns


class Heartbeat:
    """Reports to the roster, and counts for the charts. `worker`: the name under which it is known."""

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
        """Set when the first report is written, or cannot be."""

    async def keep(self) -> None:
        """Report at once and then again and again.

        What is told once, of the flows that our agents follow say, is told again to a Redis that does not know us: it
        was emptied, or another one took its place.
        """
        told = False
        while True:
            try:
                self._started = self._started or await self._database.now()
                if await self._roster.report(self._report()):
                    told = False
                await self._identities.look_after()
                if not told:
                    await self._flows.tell(self._served.sketches())
                    told = True
                await self._turns.tally.flush(self._measures)
            except (StoreUnavailable, StoreFull):
                pass  # the lease heartbeat says so already
            finally:
                self.tried.set()
            await asyncio.sleep(self._settings.lease / 3)

    def tell_blocked(self, what: str) -> None:
        """Report from another thread, while our event loop is blocked."""
        report_from_thread(self._settings.redis(), self._report(what))

    async def leave(self) -> None:
        """Say goodbye. Where Redis is away, the roster forgets us by itself."""
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
