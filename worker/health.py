"""Health and Prometheus metrics of a worker, served on WORKER_METRICS_PORT."""

from __future__ import annotations

import asyncio

from prometheus_client import REGISTRY, generate_latest

from answerback.metrics import REDIS_AWAY
from answerback.store.redis import Database
from answerback.store.threads.outbox import Outgoing
from answerback.store.threads.records import Claim

from .claiming.claims import Claimer
from .metrics import RUNNING, SENDING
from .turns.turns import Turns


class Health:
    """The health of one worker."""

    def __init__(
        self,
        database: Database,
        turns: Turns,
        turn_claimer: Claimer[Claim],
        reply_claimer: Claimer[Outgoing],
        reported: asyncio.Event,
    ) -> None:
        self._reported = reported
        self._database = database
        self._turns = turns
        RUNNING.set_function(turn_claimer.__len__)
        SENDING.set_function(reply_claimer.__len__)
        REDIS_AWAY.set_function(lambda: database.guard.away if database.guard else 0.0)

    async def why_not(self) -> str:
        """Return why the worker cannot work now; "" if it can."""
        if self._turns.stopping:
            return "stopping"
        guard = self._database.guard
        if guard and guard.unfit:
            return "Redis is misconfigured; see the log"
        if guard and guard.away:
            return "Redis does not respond"
        return "" if self._reported.is_set() else "starting"

    async def metrics(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(REGISTRY)
