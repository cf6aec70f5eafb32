"""What workers tell of themselves: that they live, whom they serve, who we are on a platform."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import redis

from answerback.messages import Arrival, Identity
from answerback.store import keys
from answerback.store.decode import readable
from answerback.store.redis import Database

FORGOTTEN = 24 * 3_600_000
"""After so many ms of silence a worker is forgotten, and so is an agent."""

_encode = msgspec.msgpack.Encoder().encode


class AgentReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """An agent as a worker serves it.

    workspace  the one it is registered with; "" for an agent in code, which all of them reach
    lifecycle  its own word for how it is run, "long-lived" for most
    chat       whether it can be talked to by name
    seen       when a worker last told of it, ms; set by `report`
    turns      how many of its turns run now
    times      what its last turns took, ms, oldest first
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


class WorkerReport(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's own words, written with each heartbeat.

    seen      when it last wrote, ms; a worker silent for longer than `lease` (ms) counts as gone
    state     "working", or "stopping" once it claims nothing more
    blocked   what blocks its event loop now: it works on nothing, and its leases end; "" when nothing does
    marks     what its own messages carry, with their platforms: "github:user:583231"
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


_report = msgspec.msgpack.Decoder(WorkerReport)
_agent = msgspec.msgpack.Decoder(AgentReport)
_identity = msgspec.msgpack.Decoder(Identity)


def report_from_thread(url: str, report: WorkerReport) -> None:
    """Write a worker's report when its event loop cannot. Raises what the client library does."""
    with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
        seconds, micros = client.time()
        seen = seconds * 1000 + micros // 1000
        client.hset(keys.workers(), report.id, _encode(msgspec.structs.replace(report, seen=seen)))


class WorkerRegistry:
    """The workers and identities of one Redis."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, report: WorkerReport) -> bool:
        """Write a worker's report; its `seen` is set by the clock of Redis. Whether it was not known there before."""
        now = await self._database.now()
        seen = msgspec.structs.replace(report, seen=now)
        new = await self._database.call("HSET", keys.workers(), report.id, _encode(seen))
        # What is kept of an agent while no worker is there: it is known still, and messages to it wait.
        kept = [msgspec.structs.replace(a, seen=now, turns=0, times=()) for a in report.agents if not a.workspace]
        if fields := [word for agent in kept for word in (agent.name, _encode(agent))]:
            await self._database.call("HSET", keys.agents(), *fields)
        return bool(new)

    async def leave(self, worker: str) -> None:
        """A worker stops."""
        await self._database.call("HDEL", keys.workers(), worker)

    async def workers(self) -> list[tuple[WorkerReport, int]]:
        """Every worker that reported, with for how many ms it has been silent. Long silent ones are forgotten."""
        now = await self._database.now()
        found = await self._database.call("HGETALL", keys.workers())
        # A newer worker, on its way out or in, may report what we cannot read.
        reports = list(readable(_report, found.values()))
        if gone := [report.id for report in reports if now - report.seen > FORGOTTEN]:
            await self._database.call("HDEL", keys.workers(), *gone)
        living = [(report, now - report.seen) for report in reports if report.id not in gone]
        return sorted(living, key=lambda found: found[0].started)

    async def agents(self) -> list[AgentReport]:
        """Every agent in code that a worker told of lately, by name, whether it is served now or not."""
        now = await self._database.now()
        reports = list(readable(_agent, await self._database.call("HVALS", keys.agents())))
        if gone := [report.name for report in reports if now - report.seen > FORGOTTEN]:
            await self._database.call("HDEL", keys.agents(), *gone)
            await self._database.call("HDEL", keys.flows(), *gone)
        return sorted((report for report in reports if report.name not in gone), key=lambda report: report.name)

    async def identify(self, platform: str, identity: Identity) -> None:
        """Keep who we are on a platform."""
        await self._database.call("HSET", keys.identities(), platform, _encode(identity))

    async def identities(self) -> dict[str, Identity]:
        """Who we are, by platform."""
        found = await self._database.call("HGETALL", keys.identities())
        return {p.decode(): who for p, raw in found.items() for who in readable(_identity, [raw])}
