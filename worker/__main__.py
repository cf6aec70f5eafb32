"""`python -m worker`: one worker process."""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop

from answerback import log, tracing
from answerback.agents.loading import load
from answerback.environment import load_environment
from answerback.errors import AnswerbackError
from answerback.masking import mask
from answerback.metrics import REDIS, expose
from answerback.settings import Settings
from answerback.store.guard import Guard
from answerback.store.redis import Database
from answerback.supervised import Supervised, supervised

from .worker import Worker


async def main(settings: Settings) -> None:
    """Run a worker until it receives a stop signal."""
    supervision = supervised()
    agents = load(settings.agents)
    # After the modules of the agents, which may have set up OpenTelemetry themselves.
    tracing.start("worker")
    for agent in agents:
        agent.prepare()
    database = Database(settings.redis(), guard=Guard(settings.partitions), replicas=settings.redis_replicas)
    database.observe = REDIS.observe
    worker = Worker(settings, agents, database)
    try:
        async with _watched(settings, worker, supervision):
            await worker.serve()
    finally:
        await database.close()


@asynccontextmanager
async def _watched(settings: Settings, worker: Worker, supervision: Supervised | None) -> AsyncIterator[None]:
    health = worker.health
    if supervision is not None:
        monitor = supervision.monitor(health.why_not, health.metrics)
    elif settings.worker_metrics_port is not None:
        # Imported here, because a server takes as much time and memory to load as the rest of HTTP.
        from answerback.http.monitor import Metrics, Monitor

        token = settings.metrics_token.get_secret_value() if settings.metrics_token else ""
        host = settings.metrics_host or settings.host
        metrics = Metrics(health.metrics, token)
        monitor = Monitor("WORKER_METRICS_PORT", host, settings.worker_metrics_port, health.why_not, metrics)
    else:
        yield
        return
    await monitor.start()
    try:
        yield
    finally:
        await monitor.stop()


if __name__ == "__main__":
    try:
        load_environment()
        settings = Settings.load()
        log.configure(settings.log_level)
        mask(settings.secret_values())
        expose()
        # Everything loaded so far stays: exclude it from garbage collection. `Sweeper` does the rest: by itself, the
        # collector begins only if very many turns begin at once.
        gc.freeze()
        gc.set_threshold(10_000, 3, 25)
        try:
            uvloop.run(main(settings))
        finally:
            tracing.stop()
    except AnswerbackError as error:
        sys.exit(f"worker: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
