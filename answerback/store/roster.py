"""What workers tell of themselves: that they live, whom they serve, who we are on a platform."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.messages import Identity
from answerback.store import keys
from answerback.store.connection import Database

_encode = msgspec.msgpack.Encoder().encode


class AgentReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """An agent as a worker serves it."""

    name: str
    description: str = ""
    listens: tuple[str, ...] = ()


class WorkerReport(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's own words, written with each heartbeat.

    seen      when it last wrote, ms; a worker silent for longer than `lease` (ms) counts as gone
    state     "working", or "stopping" once it claims nothing more
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


_report = msgspec.msgpack.Decoder(WorkerReport).decode
_identity = msgspec.msgpack.Decoder(Identity).decode


class Roster:
    """The workers and identities of one Redis."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, report: WorkerReport) -> None:
        """Write a worker's report; its `seen` is set by the clock of Redis."""
        now = await self._database.now()
        await self._database.call("HSET", keys.workers(), report.id, _encode(msgspec.structs.replace(report, seen=now)))

    async def leave(self, worker: str) -> None:
        """A worker stops."""
        await self._database.call("HDEL", keys.workers(), worker)

    async def workers(self) -> list[tuple[WorkerReport, int]]:
        """Every worker that reported, with for how many ms it has been silent. Long silent ones are forgotten."""
        now = await self._database.now()
        found = await self._database.call("HGETALL", keys.workers())
        reports = [_report(report) for report in found.values()]
        if gone := [report.id for report in reports if now - report.seen > 24 * 3_600_000]:
            await self._database.call("HDEL", keys.workers(), *gone)
        living = [(report, now - report.seen) for report in reports if report.id not in gone]
        return sorted(living, key=lambda found: found[0].started)

    async def identify(self, platform: str, identity: Identity) -> None:
        """Keep who we are on a platform."""
        await self._database.call("HSET", keys.identities(), platform, _encode(identity))

    async def identities(self) -> dict[str, Identity]:
        """Who we are, by platform."""
        found = await self._database.call("HGETALL", keys.identities())
        return {platform.decode(): _identity(identity) for platform, identity in found.items()}
