"""What workers report: that they are alive, the agents they run, and our identities on platforms."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from answerback.codec import decoder, encode, readable
from answerback.events import Arrival
from answerback.messages import Identity
from answerback.store.fleet import keys
from answerback.store.redis import Database

FORGOTTEN = 24 * 3_600_000
"""ms of silence after which a worker or an agent is removed."""


class AgentReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """An agent as reported by a worker.

    Attributes:
        workspace: The workspace it is registered with; "" for an agent in code, available to all of them.
        lifecycle: Its declared lifecycle, mostly "long-lived".
        chat: Whether it accepts chat messages.
        seen: When a worker last reported it, ms; set by `report`.
        turns: Number of its running turns.
        times: Durations of its last turns, ms, oldest first.
        input_schema: The JSON schema of its structured input; b"" if it declares none. Kept with the agent, not in the
            reports of workers.
        output_schema: The JSON schema of its structured output, likewise.
        raw: Patterns of the platforms whose raw payloads it asks for.
        edits: Patterns of the platforms on which it receives edits.
        conversations: Patterns of the platforms on which it has a direct chat as one thread.
    """

    name: str
    description: str = ""
    listens: tuple[str, ...] = ()
    workspace: str = ""
    lifecycle: str = "long-lived"
    chat: bool = True
    arrival: Arrival = "queue"
    seen: int = 0
    turns: int = 0
    times: tuple[float, ...] = ()
    input_schema: bytes = b""
    output_schema: bytes = b""
    raw: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    conversations: tuple[str, ...] = ()


class WorkerReport(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's report, written with each heartbeat.

    Attributes:
        seen: Time of the report, ms; a worker silent for longer than `lease` (ms) counts as gone.
        state: "working", or "stopping" once it no longer claims threads.
        blocked: What blocks its event loop now, so that it does no work and its leases expire; "" if nothing does.
        version: The version of its agents' code; "" of workers that are older than versions.
        marks: Marks of its own messages with their platform, such as "github:user:583231".
    """

    id: str
    host: str
    pid: int
    started: int
    seen: int
    lease: int
    state: str
    turns: int
    sending: int
    concurrency: int
    done: int
    failed: int
    agents: Sequence[AgentReport] = ()
    blocked: str = ""
    marks: Sequence[str] = ()
    version: str = ""


_decode_worker_report = decoder(WorkerReport)
decode_agent_report = decoder(AgentReport)
_decode_identity = decoder(Identity)


def report_from_thread(url: str, report: WorkerReport) -> None:
    """Write a worker's report from a thread while its event loop is blocked. Raises `StoreUnavailable`, `StoreFull`."""

    async def write() -> None:
        database = Database(url, timeout=2)
        try:
            seen = await database.now()
            await database.call("HSET", keys.workers(), report.id, encode(msgspec.structs.replace(report, seen=seen)))
        finally:
            await database.close()

    asyncio.run(write())


class WorkerRegistry:
    """The workers and identities of one Redis."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, report: WorkerReport) -> bool:
        """Write a worker's report, with `seen` set by the clock of Redis. Return whether the worker is new there."""
        now = await self._database.now()
        lean = [msgspec.structs.replace(a, input_schema=b"", output_schema=b"") for a in report.agents]
        seen = msgspec.structs.replace(report, seen=now, agents=lean)
        # Kept while no worker runs the agent: it stays known, and messages to it wait.
        agents = [msgspec.structs.replace(a, seen=now, turns=0, times=()) for a in report.agents if not a.workspace]
        # Before the worker's report: a reader that sees a worker also sees its agents.
        if fields := [word for agent in agents for word in (agent.name, encode(agent))]:
            await self._database.call("HSET", keys.agents(), *fields)
        new = await self._database.call("HSET", keys.workers(), report.id, encode(seen))
        return bool(new)

    async def leave(self, worker: str) -> None:
        """Remove the report of a stopping worker."""
        await self._database.call("HDEL", keys.workers(), worker)

    async def workers(self) -> list[tuple[WorkerReport, int]]:
        """Return all workers, each with its ms of silence. Those silent for long are removed."""
        now = await self._database.now()
        encoded = await self._database.call("HGETALL", keys.workers())
        # During a deployment, a newer worker's report may be unreadable.
        reports = list(readable(_decode_worker_report, encoded.values()))
        if gone := [report.id for report in reports if now - report.seen > FORGOTTEN]:
            await self._database.call("HDEL", keys.workers(), *gone)
        living = [(report, now - report.seen) for report in reports if report.id not in gone]
        return sorted(living, key=lambda worker: worker[0].started)

    async def agents(self) -> list[AgentReport]:
        """Return all recently reported agents in code, by name, whether a worker runs them now or not."""
        now = await self._database.now()
        reports = list(readable(decode_agent_report, await self._database.call("HVALS", keys.agents())))
        if gone := [report.name for report in reports if now - report.seen > FORGOTTEN]:
            await self._database.call("HDEL", keys.agents(), *gone)
            await self._database.call("HDEL", keys.flows(), *gone)
        return sorted((report for report in reports if report.name not in gone), key=lambda report: report.name)

    async def identify(self, platform: str, identity: Identity) -> None:
        """Store our identity on a platform."""
        await self._database.call("HSET", keys.identities(), platform, encode(identity))

    async def identities(self) -> dict[str, Identity]:
        """Return our identities by platform."""
        encoded = await self._database.call("HGETALL", keys.identities())
        return {p.decode(): identity for p, raw in encoded.items() for identity in readable(_decode_identity, [raw])}
