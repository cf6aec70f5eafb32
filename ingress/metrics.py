"""What `GET /metrics` tells: counters of this process and gauges of the queues, for Prometheus."""

from __future__ import annotations

from prometheus_client import REGISTRY, Counter, Gauge, generate_latest

from answerback.store import Threads
from answerback.store.threads.queues import queues

DELIVERIES = Counter("answerback_deliveries", "Webhook deliveries answered by this process", ["platform", "status"])
REFUSED = Counter("answerback_webhooks_refused", "Webhooks not taken for the platform's", ["platform", "reason"])
LIMITED = Counter("answerback_webhooks_limited", "Webhooks over a limit of requests a second", ["platform", "limit"])
WARNED = Counter(
    "answerback_webhooks_warned", "Webhooks that an operator should know of, and no agent", ["platform", "warning"]
)
QUEUED = Gauge("answerback_threads", "Threads by queue and state", ["queue", "state"])
WAITING = Gauge("answerback_events_waiting", "Events not yet handled")
DEAD = Gauge("answerback_dead_letters", "Dead letters")
OLDEST = Gauge("answerback_oldest_seconds", "For how long the oldest claimable thread has been waiting", ["queue"])
LOOPS = Gauge("answerback_loops", "How often a thread was taken for programs that answer each other")
STEPS = Gauge("answerback_redis_clock_steps", "How often the clock of Redis was set while workers ran")


class Metrics:
    """The metrics of one ingress process."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    async def collect(self) -> bytes:
        """Count, and tell."""
        found = await queues(self._threads)
        for name, queue in (("turns", found.turns), ("replies", found.replies)):
            for state in ("waiting", "in_flight", "retrying"):
                QUEUED.labels(name, state).set(getattr(queue, state))
            OLDEST.labels(name).set(queue.oldest / 1000)
        WAITING.set(found.events_waiting)
        DEAD.set(found.dead)
        LOOPS.set(found.loops)
        STEPS.set(found.clock_steps.count)
        return generate_latest(REGISTRY)
