"""The worker process. arq provides its lifecycle, signals and cron jobs; threads are claimed alongside."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Coroutine, Sequence
from functools import partial
from signal import Signals
from typing import Any
from uuid import uuid4

import arq
import msgspec
from arq.connections import ArqRedis
from arq.utils import poll
from redis.exceptions import RedisError

from answerback.agents import Agent
from answerback.agents.journal import Limits
from answerback.errors import StoreUnfit
from answerback.http.platform import PlatformHttp
from answerback.http.untrusted import UntrustedHttp
from answerback.log import get_logger
from answerback.settings import Settings
from answerback.store.chats.chats import Chats
from answerback.store.fleet.keys import arq_queue
from answerback.store.fleet.remote_agents import RemoteAgents
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.keys import signals
from answerback.store.redis import Database
from answerback.store.stream.subscription import Subscription
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads

from .background import run_forever, watch
from .backoff import Backoff
from .claiming.claims import Claimer
from .claiming.leases import Leases
from .claiming.poison import PoisonIsolation
from .health import Health
from .maintenance import UPKEEP
from .redelivery import redelivering
from .replies.clients import clients_of
from .replies.identities import Identities
from .replies.sender import Sender
from .reporting import Heartbeat
from .retention import Retention
from .retry import retry_while_unavailable
from .stopping import exit_when_hopeless
from .turns.agents import AgentRegistry
from .turns.loop_breaker import Loops
from .turns.turns import Turns
from .turns.unserved_agents import UnservedAgents
from .watchdog import Watchdog

log = get_logger(__name__)

OVERTIME = 10.0
"""Seconds beyond the grace period that shutdown may take."""
LONGEST = 30.0
"""Longest delay before arq is restarted after a failure, in seconds."""


class Worker(arq.Worker):
    """One worker process. Threads are not arq jobs, so none of arq's limits apply to events."""

    def __init__(self, settings: Settings, agents: Sequence[Agent], database: Database) -> None:
        lease, backoff = settings.lease, Backoff(settings.retry_base, settings.retry_cap)
        self.id = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}"
        self._settings = settings
        self._served = AgentRegistry(agents, RemoteAgents(database), UntrustedHttp(private=settings.allow_private_urls))
        self._database = database
        self._threads = Threads(
            database,
            partitions=settings.partitions,
            lease=lease,
            seen_days=settings.seen_days,
            history=settings.history_window,
        )
        self._roster = WorkerRegistry(database)
        self._leases = Leases(self._threads, lease, self.id)
        clients = clients_of(settings)
        self._http = PlatformHttp(timeout=settings.platform_timeout)
        self._identities = Identities(clients, self._http, self._roster, self._threads)
        outbox = Outbox(self._threads, lease=lease)
        sender = Sender(
            outbox,
            clients,
            self._identities,
            self._http,
            lease=lease,
            max_attempts=settings.reply_max_attempts,
            backoff=backoff,
            late=settings.reply_late,
        )
        self._turns = Turns(
            self._threads,
            self._served,
            clients,
            self._identities,
            self._leases.sure,
            UnservedAgents(self._threads, self._roster, backoff, max_attempts=settings.max_attempts).leave,
            Loops(settings.loop_turns, clients),
            window=settings.history_window,
            limits=Limits(settings.turn_max_steps, settings.turn_max_journal, settings.turn_max_tokens),
            timeout=settings.turn_timeout,
            max_attempts=settings.max_attempts,
            backoff=backoff,
        )
        running = self._turns.running
        self._leases.cancelled = partial(running.signal, "cancel")
        self._signals = Subscription(database, running.hear, lambda: None)
        suspects = PoisonIsolation(self._threads, self._turns, self.id, fatal=settings.max_attempts)
        self._working = Claimer(
            "ready",
            self._threads,
            self._leases,
            suspects.claim,
            suspects.run,
            slots=settings.concurrency,
            lease=lease,
            closed=suspects.closed,
        )
        self._sending = Claimer(
            "due",
            self._threads,
            self._leases,
            partial(outbox.claim, owner=self.id),
            sender.run,
            slots=settings.concurrency,
            lease=lease,
        )
        self._heartbeat = Heartbeat(
            self.id,
            settings,
            self._threads,
            self._roster,
            self._served,
            self._turns,
            self._working,
            self._sending,
            self._identities,
        )
        self._watchdog = Watchdog(running, self._heartbeat.tell_blocked)
        self.health = Health(database, self._turns, self._working, self._sending)
        self._tasks: list[asyncio.Task[None]] = []
        self._asked = asyncio.Event()
        self._hopeless: asyncio.Task[None] | None = None
        super().__init__(
            functions=[],
            cron_jobs=[*UPKEEP, *redelivering(settings, self._http, outbox, database)],
            queue_name=arq_queue(),
            redis_pool=ArqRedis(
                database.pool,
                job_serializer=msgspec.msgpack.encode,
                job_deserializer=msgspec.msgpack.decode,
                default_queue_name=arq_queue(),
            ),
            # Set for the worker as well: arq's default is pickle.
            job_serializer=msgspec.msgpack.encode,
            job_deserializer=msgspec.msgpack.decode,
            on_shutdown=self._leave,
            # Not 0, so that arq calls our `handle_sig_wait_for_completion`.
            job_completion_wait=max(1, int(settings.grace)),
            poll_delay=1,
            health_check_interval=30,
            ctx={
                "roster": self._roster,
                "chats": Chats(self._threads),
                "retention": Retention(settings, self._threads),
            },
            log_results=False,
        )

    async def serve(self) -> None:
        """Run until a stop signal arrives."""
        await self._unless_asked(retry_while_unavailable(self._accepted))
        pause = 0.0
        while self.allow_pick_jobs:
            began = self.loop.time()
            try:
                await self.async_run()
            except asyncio.CancelledError:
                if self.allow_pick_jobs:
                    raise
            except (RedisError, OSError) as error:
                log.warning("arq failed; restarting it", error=str(error), seconds=pause)
                # Redis may accept our commands and reject arq's: then arq fails again immediately.
                await self._unless_asked(asyncio.sleep(pause))
                pause = min(2 * pause + 0.1, LONGEST) if self.loop.time() - began < LONGEST else 0.0
                await self._unless_asked(retry_while_unavailable(self._database.now))
        try:
            await self.close()
        except (RedisError, OSError, asyncio.CancelledError):
            # Redis is unavailable, or one of arq's jobs was cancelled: there is nothing left to wait for.
            await self._leave(self.ctx)
        if self._hopeless:
            self._hopeless.cancel()

    async def main(self) -> None:
        """Run arq's main loop without its INFO command, which a restricted Redis user may not run."""
        self.ctx["redis"] = self.pool
        await self._start(self.ctx)
        async for _ in poll(self.poll_delay_s):
            await self._poll_iteration()

    async def _accepted(self) -> None:
        try:
            await self._database.look()
        except StoreUnfit:
            if self._database.guard:
                self._database.guard.refuse_at_start()
            raise

    async def _unless_asked(self, work: Coroutine[Any, Any, int | None]) -> None:
        """Wait until `work` is done or a stop signal arrives."""
        asked = asyncio.create_task(self._asked.wait())
        working = asyncio.create_task(work)
        try:
            await asyncio.wait((asked, working), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            asked.cancel()
            working.cancel()

    async def _start(self, ctx: dict[Any, Any]) -> None:
        if self._tasks:
            return
        log.info("worker ready", worker=self.id, agents=[agent.name for agent in self._served.own])
        halts = self._turns.running.halts
        keep = (self._leases.keep, self._identities.keep, halts.keep, self._signals.keep, self._heartbeat.keep)
        self._tasks = [asyncio.create_task(run_forever(call)) for call in (*keep, self._watchdog.keep)]
        self._tasks.append(asyncio.create_task(watch(self._settings.stuck)))
        self._tasks.append(asyncio.create_task(retry_while_unavailable(self._signals.add, signals())))
        self._tasks.append(asyncio.create_task(self._database.keep_looking()))
        self._tasks.append(asyncio.create_task(self._begin()))

    async def _begin(self) -> None:
        # Register before claiming anything: the first message may block this worker for good.
        await self._heartbeat.tried.wait()
        if not self._turns.stopping:
            self._working.start()
            self._sending.start()

    async def _poll_iteration(self) -> None:
        # arq's poll ends the process when Redis becomes unavailable; ours continues.
        try:
            await super()._poll_iteration()
        except (RedisError, OSError) as error:
            log.debug("arq's poll failed", error=str(error))
            await retry_while_unavailable(self._database.now)

    def handle_sig_wait_for_completion(self, signum: Signals) -> None:
        """Let turns finish on the first signal; release them immediately on the second."""
        if not self.allow_pick_jobs:
            log.warning("second stop signal: releasing running turns now")
            self._working.cut()
            self._sending.cut()
            return
        log.info("stopping", signal=Signals(signum).name, turns=len(self._working), grace=self._settings.grace)
        self.allow_pick_jobs = False
        self._asked.set()
        self._hopeless = self.loop.create_task(exit_when_hopeless(self._database))
        self._stopping = self.loop.create_task(self._stop(signum))
        self.loop.call_later(self._settings.grace + OVERTIME, self._give_up)

    def _give_up(self) -> None:
        # Nothing is lost: other workers claim our threads when our leases expire.
        log.error("shutdown timed out; exiting", waiting=[repr(task) for task in asyncio.all_tasks(self.loop)])
        os._exit(1)

    async def _stop(self, signum: Signals) -> None:
        try:
            await self._drain()
        except Exception:
            log.exception("shutdown failed")
        self.handle_sig(signum)

    async def _drain(self) -> None:
        self._turns.stopping = True
        grace = self._settings.grace
        deadline = self.loop.time() + grace
        await self._working.stop(grace)
        # Replies committed just now may still be sent; another worker sends the rest.
        await self._sending.stop(max(0.0, deadline - self.loop.time()))
        if self.tasks:
            await asyncio.wait(self.tasks.values(), timeout=max(0.0, deadline - self.loop.time()))

    async def _leave(self, ctx: dict[Any, Any]) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._heartbeat.leave()
        await self._http.close()
        log.info("worker stopped", worker=self.id, turns=self._turns.tally.done)
