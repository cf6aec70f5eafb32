"""Health and Prometheus metrics of a worker, served on WORKER_PORT."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

from answerback.store.redis import Database
from answerback.store.threads.outbox import Outgoing
from answerback.store.threads.records import Claim

from .claiming.claims import Claimer
from .turns.turns import Turns
from .watchdog import Watchdog


class Health(Collector):
    """The health of one worker."""

    def __init__(
        self,
        database: Database,
        turns: Turns,
        turn_claimer: Claimer[Claim],
        reply_claimer: Claimer[Outgoing],
        watchdog: Watchdog,
    ) -> None:
        self._database = database
        self._turns = turns
        self._watchdog = watchdog
        self._registry = CollectorRegistry()
        self._registry.register(self)
        for name, text, claimer in (
            ("answerback_worker_turns", "Turns running in this worker", turn_claimer),
            ("answerback_worker_sending", "Threads whose replies this worker is sending", reply_claimer),
        ):
            Gauge(name, text, registry=self._registry).set_function(claimer.__len__)
        away = Gauge(
            "answerback_worker_redis_away_seconds",
            "Seconds since Redis became unavailable; 0 while it is available",
            registry=self._registry,
        )
        away.set_function(lambda: database.guard.away if database.guard else 0.0)

    def collect(self) -> list[CounterMetricFamily]:
        """Return the counters, which `Turns` and the watchdog keep."""
        counters, watchdog = self._turns.counters, self._watchdog
        return [
            CounterMetricFamily("answerback_worker_turns_done", "Turns committed", value=counters.done),
            CounterMetricFamily("answerback_worker_attempts_failed", "Failed attempts of turns", value=counters.failed),
            CounterMetricFamily(
                "answerback_worker_loop_blocks",
                "Times an agent blocked the event loop for more than a second",
                value=watchdog.blocks,
            ),
            CounterMetricFamily(
                "answerback_worker_loop_blocked_seconds",
                "Seconds for which the event loop was blocked in these cases",
                value=watchdog.seconds,
            ),
        ]

    async def why_not(self) -> str:
        """Return why the worker cannot work now; "" if it can."""
        if self._turns.stopping:
            return "stopping"
        guard = self._database.guard
        if guard and guard.unfit:
            return "Redis is misconfigured; see the log"
        return "Redis does not respond" if guard and guard.away else ""

    async def metrics(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(self._registry)
