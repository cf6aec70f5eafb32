"""The life cycle of a worker process: arq's, with its signals and cron jobs. Threads are claimed alongside."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Coroutine, Sequence
from signal import Signals
from typing import Any

import arq
import msgspec
from arq.connections import ArqRedis
from arq.utils import poll
from redis.exceptions import RedisError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from answerback.agents import Agent
from answerback.errors import StoreUnfit
from answerback.log import get_logger
from answerback.restarts import RestartPause
from answerback.settings import Settings
from answerback.store.fleet.keys import arq_job, arq_queue
from answerback.store.keys import signals
from answerback.store.redis import Database

from .background import exit_when_blocked, run_forever
from .health import Health
from .retry import retry_while_unavailable
from .stopping import exit_when_redis_is_away
from .wiring import wire

log = get_logger(__name__)

DRAINED_WITHIN = 7 * 86_400.0
"""Seconds that turns have in a worker that is drained: their own time limits end them before."""
OVERTIME = 10.0
"""Seconds beyond the grace period that shutdown may take."""


class Worker(arq.Worker):
    """One worker process. Threads are not arq jobs, so none of arq's limits apply to events."""

    def __init__(self, settings: Settings, agents: Sequence[Agent], database: Database) -> None:
        self._settings = settings
        self._database = database
        self._parts = parts = wire(settings, agents, database)
        self._background: list[asyncio.Task[None]] = []
        self._stop_requested = asyncio.Event()
        self._drained = False
        self._emergency_exit: asyncio.Task[None] | None = None
        cluster = database.kind == "cluster"
        jobs = [dataclasses.replace(job, name=arq_job(job.name, cluster=cluster)) for job in parts.cron_jobs]
        super().__init__(
            functions=[],
            cron_jobs=jobs,
            queue_name=arq_queue(cluster=cluster),
            redis_pool=ArqRedis(
                database.pool,
                job_serializer=msgspec.msgpack.encode,
                job_deserializer=msgspec.msgpack.decode,
                default_queue_name=arq_queue(cluster=cluster),
            ),
            # Set for the worker as well: arq's default is pickle.
            job_serializer=msgspec.msgpack.encode,
            job_deserializer=msgspec.msgpack.decode,
            on_shutdown=self._leave,
            # Not 0, so that arq calls our `handle_sig_wait_for_completion`.
            job_completion_wait=max(1, int(settings.grace)),
            poll_delay=1,
            health_check_interval=30,
            log_results=False,
        )

    @property
    def health(self) -> Health:
        """The worker's health and metrics."""
        return self._parts.health

    async def serve(self) -> None:
        """Run until a stop signal arrives."""
        await self._until_stopped(retry_while_unavailable(self._check_redis))
        # Redis may accept our commands and reject arq's: then arq fails again immediately.
        restarting = AsyncRetrying(
            retry=retry_if_exception_type((RedisError, OSError)),
            wait=RestartPause(first=0.1, longest=30.0),
            before_sleep=_log_restart,
            sleep=self._sleep,
        )
        await restarting(self._run_arq)
        try:
            await self.close()
        except (RedisError, OSError, asyncio.CancelledError):
            # Redis is unavailable, or one of arq's jobs was cancelled: there is nothing left to wait for.
            await self._leave(self.ctx)
        if self._emergency_exit:
            self._emergency_exit.cancel()

    async def main(self) -> None:
        """Run arq's main loop without its INFO command, which a restricted Redis user may not run."""
        self.ctx["redis"] = self.pool
        self._start()
        async for _ in poll(self.poll_delay_s):
            await self._poll_iteration()

    async def _run_arq(self) -> None:
        await self._until_stopped(retry_while_unavailable(self._database.now))
        if not self.allow_pick_jobs:
            return
        try:
            await self.async_run()
        except asyncio.CancelledError:
            if self.allow_pick_jobs:
                raise

    async def _sleep(self, seconds: float) -> None:
        await self._until_stopped(asyncio.sleep(seconds))

    async def _check_redis(self) -> None:
        try:
            await self._database.inspect()
        except StoreUnfit:
            if self._database.guard:
                self._database.guard.refuse_at_start()
            raise

    async def _until_stopped(self, work: Coroutine[Any, Any, int | None]) -> None:
        """Wait until `work` is done or a stop signal arrives."""
        stop_requested = asyncio.create_task(self._stop_requested.wait())
        working = asyncio.create_task(work)
        try:
            await asyncio.wait((stop_requested, working), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            stop_requested.cancel()
            working.cancel()

    def _start(self) -> None:
        if self._background:
            return  # arq was restarted; everything else is still running
        parts = self._parts
        log.info("worker ready", worker=parts.worker_id, agents=[agent.name for agent in parts.agents.own])
        work = [
            *(run_forever(service) for service in parts.services),
            exit_when_blocked(self._settings.stuck),
            retry_while_unavailable(parts.signals.add, signals()),
            self._database.keep_inspecting(),
            self._start_claiming(),
            self._drain_when_ordered(),
        ]
        self._background = [asyncio.create_task(each) for each in work]

    async def _start_claiming(self) -> None:
        # Register before claiming anything: the first message may block this worker for good.
        await self._parts.heartbeat.tried.wait()
        await self._parts.orders.looked.wait()
        if not self._parts.turns.stopping:
            self._parts.turn_claimer.start()
            self._parts.reply_claimer.start()

    async def _drain_when_ordered(self) -> None:
        await self._parts.orders.draining.wait()
        if not self._stop_requested.is_set():
            self._begin_stop("drain", DRAINED_WITHIN)
            self._drained = True

    async def _poll_iteration(self) -> None:
        # arq's poll ends the process when Redis becomes unavailable; ours continues.
        try:
            await super()._poll_iteration()
        except (RedisError, OSError) as error:
            log.debug("arq's poll failed", error=str(error))
            await retry_while_unavailable(self._database.now)

    def handle_sig_wait_for_completion(self, signum: Signals) -> None:
        """Let turns finish on the first signal; release them immediately on the second.

        While the worker is drained, the first signal sets the grace period.
        """
        if self._drained:
            self._drained = False
            log.info("stopping", signal=Signals(signum).name, turns=len(self._parts.turn_claimer))
            self.loop.call_later(self._settings.grace, self._release_all)
            self._limit_stop()
            return
        if not self.allow_pick_jobs:
            log.warning("second stop signal: releasing running turns now")
            self._release_all()
            return
        self._begin_stop(Signals(signum).name, self._settings.grace)
        self._limit_stop()

    def _begin_stop(self, why: str, grace: float) -> None:
        log.info("stopping", signal=why, turns=len(self._parts.turn_claimer), grace=grace)
        self.allow_pick_jobs = False
        self._stop_requested.set()
        self._stopping = self.loop.create_task(self._stop(grace))

    def _limit_stop(self) -> None:
        self._emergency_exit = self.loop.create_task(exit_when_redis_is_away(self._database))
        self.loop.call_later(self._settings.grace + OVERTIME, self._give_up)

    def _release_all(self) -> None:
        self._parts.turn_claimer.cancel_all()
        self._parts.reply_claimer.cancel_all()

    def _give_up(self) -> None:
        # Nothing is lost: other workers claim our threads when our leases expire.
        log.error("shutdown timed out; exiting", waiting=[repr(task) for task in asyncio.all_tasks(self.loop)])
        os._exit(1)

    async def _stop(self, grace: float) -> None:
        try:
            await self._drain(grace)
        except Exception:
            # The process must end whatever happens; leases cover what is left.
            log.exception("shutdown failed")
        self.handle_sig(Signals.SIGTERM)

    async def _drain(self, grace: float) -> None:
        self._parts.turns.stop()
        deadline = self.loop.time() + grace
        await self._parts.turn_claimer.stop(grace)
        # Replies committed just now may still be sent; another worker sends the rest.
        await self._parts.reply_claimer.stop(max(0.0, deadline - self.loop.time()))
        if self.tasks:
            await asyncio.wait(self.tasks.values(), timeout=max(0.0, deadline - self.loop.time()))

    async def _leave(self, ctx: dict[Any, Any]) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._parts.heartbeat.leave()
        await self._parts.orders.leave()
        await self._parts.presences.close()
        await self._parts.http.close()
        log.info("worker stopped", worker=self._parts.worker_id, turns=self._parts.turns.counters.done)


def _log_restart(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("arq failed; restarting it", error=str(error), seconds=round(state.upcoming_sleep, 1))
