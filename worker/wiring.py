"""Builds the parts of a worker, in the order in which they depend on each other."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from arq.cron import CronJob

from answerback.agents import Agent
from answerback.agents.hiding import hidden_agents
from answerback.agents.limits import TurnLimits
from answerback.agents.version import code_version
from answerback.http.platform import PlatformHttp
from answerback.http.untrusted import UntrustedHttp
from answerback.log import get_logger
from answerback.sealing import Seal
from answerback.settings import Settings
from answerback.store.chats.chats import Chats
from answerback.store.fleet.accounts import Accounts
from answerback.store.fleet.names import KnownNames
from answerback.store.fleet.remote_agents import RemoteAgents
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.redis import Database
from answerback.store.stream.subscription import Subscription
from answerback.store.threads.files import FileLimits, Files
from answerback.store.threads.outbox import Outbox, Outgoing
from answerback.store.threads.threads import Threads

from .background import Service
from .backoff import Backoff
from .claiming.claims import Claimer
from .claiming.leases import Leases
from .claiming.pinned import TurnClaimer
from .claiming.poison import PoisonIsolation
from .claiming.slots import Slots
from .health import Health
from .maintenance import Maintenance
from .metrics import SLOTS
from .moving import Mover
from .orders import OrderKeeper, Pauses
from .presence.presences import PresenceKeeper
from .probing import Prober
from .reading.readers import Readers
from .redelivery import redelivering
from .renewals import Renewals
from .replies.clients import Clients, clients_of
from .replies.handover import Handover
from .replies.identities import Identities
from .replies.installed import InstalledAccounts
from .replies.sender import Sender
from .reporting import Heartbeat
from .retention import Retention
from .signals import Signals
from .statistics import Counters
from .sweeping import Sweeper
from .turns.agents import AgentRegistry
from .turns.backfill import Backfills
from .turns.failures import Failures
from .turns.fetching import Fetches
from .turns.loop_breaker import Loops
from .turns.naming import NameLookups
from .turns.opening import TurnOpener
from .turns.running import Running
from .turns.show_requests import ShowRequests
from .turns.turns import Turns
from .turns.unserved_agents import UnservedAgents
from .watchdog import Watchdog

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a worker that its life cycle starts, asks and stops."""

    worker_id: str
    agents: AgentRegistry
    turns: Turns
    turn_claimer: TurnClaimer
    reply_claimer: Claimer[Outgoing]
    signals: Subscription
    orders: OrderKeeper
    heartbeat: Heartbeat
    health: Health
    http: PlatformHttp
    presences: PresenceKeeper
    services: Sequence[Service]
    cron_jobs: Sequence[CronJob]


def wire(settings: Settings, agents: Sequence[Agent], database: Database) -> Parts:
    """Build a worker's parts. Nothing is started."""
    worker_id = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}"
    lease, attempts = settings.lease, settings.max_attempts
    backoff = Backoff(settings.retry_base, settings.retry_cap)

    # The store, and everything that only needs the store.
    threads = Threads(
        database,
        partitions=settings.partitions,
        lease=lease,
        seen_days=settings.seen_days,
        history=settings.history_window,
        version=settings.version or code_version(agents, settings.agents),
    )
    outbox = Outbox(threads, lease=lease)
    workers = WorkerRegistry(database)
    counters = Counters(agent.name for agent in agents)
    pauses = Pauses()
    running = Running(threads, counters)
    leases = Leases(threads, running, lease=lease, owner=worker_id)

    # The platforms.
    http = PlatformHttp(timeout=settings.platform_timeout)
    accounts = Accounts(database, Seal.of(settings))
    clients = Clients(clients_of(settings), InstalledAccounts(settings, accounts, threads))
    for warning in hidden_agents(agents, clients.platforms):
        log.warning(warning)
    identities = Identities(clients, http, workers, threads, accounts)

    presences = PresenceKeeper(clients, http, threads, outbox, workers, owner=worker_id, lease=lease)

    # Replies: from the outbox to the platforms.
    sender = Sender(
        outbox,
        clients,
        identities,
        http,
        pauses,
        owner=worker_id,
        lease=lease,
        max_attempts=settings.reply_max_attempts,
        backoff=backoff,
        late=settings.reply_late,
        pacing=settings.reply_pacing,
    )
    reply_claimer = Claimer("due", threads, leases, sender, slots=settings.concurrency, lease=lease)

    # Turns: from the ready queue to the commit.
    untrusted_http = UntrustedHttp(private=settings.allow_private_urls)
    registry = AgentRegistry(agents, RemoteAgents(database), untrusted_http)
    failures = Failures(threads, counters, backoff, max_attempts=attempts)
    requests = ShowRequests(threads, outbox, identities, http, lease=lease, late=settings.reply_late)
    limits = TurnLimits(settings.turn_max_steps, settings.turn_max_journal, settings.turn_max_tokens)
    file_limits = FileLimits(thread=settings.file_thread_bytes, workspace=settings.file_workspace_bytes)
    slots = Slots(settings.concurrency)
    turns = Turns(
        threads,
        registry,
        identities,
        UnservedAgents(threads, workers, failures),
        Loops(settings.loop_turns, clients.platforms),
        TurnOpener(threads, leases, clients, limits, file_limits, requests),
        presences,
        Backfills(clients, identities, http, outbox),
        Fetches(threads, clients, http, outbox, file_limits, largest=settings.file_bytes, types=settings.file_types),
        NameLookups(clients, http, KnownNames(database), outbox),
        running,
        failures,
        counters,
        pauses,
        Handover(reply_claimer),
        slots,
        window=settings.history_window,
        timeout=settings.turn_timeout,
    )
    isolation = PoisonIsolation(threads, turns, pauses, owner=worker_id, max_attempts=attempts)
    turn_claimer = TurnClaimer("ready", threads, leases, isolation, slots=slots, lease=lease)

    def look_again() -> None:
        turn_claimer.look_again()
        reply_claimer.look_again()

    orders = OrderKeeper(worker_id, threads, pauses, look_again)
    # A signal that is missed while the connection is lost is made up for: by the next heartbeat, or with the time.
    signals = Subscription(database, Signals(running, turn_claimer, orders).receive, orders.look)

    # What watches and reports the rest.
    SLOTS.set(settings.concurrency)
    heartbeat = Heartbeat(
        worker_id, settings, threads, workers, registry, turns, turn_claimer, reply_claimer, identities
    )
    watchdog = Watchdog(running, heartbeat)
    maintenance = Maintenance(workers, Chats(threads), Files(threads), Retention(settings, threads))
    return Parts(
        worker_id=worker_id,
        agents=registry,
        turns=turns,
        turn_claimer=turn_claimer,
        reply_claimer=reply_claimer,
        signals=signals,
        orders=orders,
        heartbeat=heartbeat,
        health=Health(database, turns, turn_claimer, reply_claimer, heartbeat.tried),
        http=http,
        presences=presences,
        services=(
            leases,
            identities,
            running.deadlines,
            signals,
            orders,
            heartbeat,
            watchdog,
            presences,
            Sweeper(),
            Prober(database, untrusted_http),
            Mover(threads, worker_id),
            Renewals(settings, accounts, http),
            Readers(settings, threads, accounts, http, owner=worker_id),
        ),
        cron_jobs=[
            *maintenance.cron_jobs(),
            *redelivering(settings, http, outbox, threads, accounts),
        ],
    )
