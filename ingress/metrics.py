"""Prometheus metrics of ingress: counters of this process and gauges of the queues. docs/metrics.md describes each."""

from __future__ import annotations

from prometheus_client import REGISTRY, Counter, Gauge, generate_latest

from answerback.metrics import REDIS_AWAY
from answerback.store.fleet.orders import Orders
from answerback.store.threads.queues import queues
from answerback.store.threads.threads import Threads

DELIVERIES = Counter("answerback_deliveries", "Webhook deliveries handled by this process", ["platform", "status"])
REFUSED = Counter("answerback_webhooks_refused", "Webhooks refused for their signature", ["platform", "reason"])
LIMITED = Counter("answerback_webhooks_limited", "Webhooks over a rate limit", ["platform", "limit"])
REQUESTS = Counter("answerback_http_requests", "HTTP requests to the API and the pages", ["status"])
QUEUED = Gauge("answerback_threads", "Threads by queue and state", ["queue", "state"])
WAITING = Gauge("answerback_events_waiting", "Events not yet handled")
DEAD = Gauge("answerback_dead_letters", "Dead letters")
OLDEST = Gauge(
    "answerback_oldest_waiting_seconds", "Seconds that the oldest claimable thread has been waiting", ["queue"]
)
PAUSED = Gauge("answerback_paused", "1 for each scope that an operator has paused", ["scope"])
LOOPS = Gauge("answerback_loops", "Threads paused as a loop of programs that answer each other")
STEPS = Gauge("answerback_redis_clock_steps", "Steps of the Redis clock while workers ran")


class Metrics:
    """The metrics of one ingress process."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._orders = Orders(threads.database)
        guard = threads.database.guard
        REDIS_AWAY.set_function(lambda: guard.away if guard else 0.0)

    async def collect(self) -> bytes:
        """Read the queues and return all metrics in the Prometheus text format."""
        counts = await queues(self._threads)
        for name, queue in (("turns", counts.turns), ("replies", counts.replies)):
            for state in ("waiting", "in_flight", "retrying", "paused"):
                QUEUED.labels(name, state).set(getattr(queue, state))
            OLDEST.labels(name).set(queue.oldest / 1000)
        PAUSED.clear()
        for scope in await self._orders.paused():
            PAUSED.labels(scope).set(1)
        WAITING.set(counts.events_waiting)
        DEAD.set(counts.dead)
        LOOPS.set(counts.loops)
        STEPS.set(counts.clock_steps.count)
        return generate_latest(REGISTRY)
