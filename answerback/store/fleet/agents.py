"""The agents available to a workspace: those in the workers' code, and its registered remote agents."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from statistics import median

import msgspec

from answerback.codec import readable
from answerback.errors import StoreFull
from answerback.events import Arrival
from answerback.store.fleet import keys
from answerback.store.fleet.reachability import Probes, Reachability
from answerback.store.fleet.remote_agents import RemoteAgent, RemoteAgents
from answerback.store.fleet.workers import AgentReport, WorkerRegistry, WorkerReport, decode_agent_report
from answerback.store.redis import Database


class AgentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration of an agent.

    Attributes:
        chat: Whether it accepts chat messages, as declared.
        url: URL of a remote agent; "" for one in code.
        token: Whether requests to a remote agent carry a bearer token.
        expires: When the lease of a remote agent ends, ms; 0: it has none.
        gone: Whether that lease has ended.
        input_schema: The JSON schema of its structured input; b"" if it declares none.
        output_schema: The JSON schema of its structured output, likewise.
    """

    name: str
    description: str
    lifecycle: str
    chat: bool
    arrival: Arrival
    url: str = ""
    token: bool = False
    expires: int = 0
    gone: bool = False
    input_schema: bytes = b""
    output_schema: bytes = b""

    @property
    def accepts_chat(self) -> bool:
        """Whether messages to it are accepted now. They wait while it cannot be reached."""
        return self.chat and not self.gone and not (self.url and self.lifecycle == "short-lived")


class AgentStats(msgspec.Struct, frozen=True, kw_only=True):
    """Current statistics of an agent.

    Attributes:
        workers: Number of live workers that run it, or that may call a remote one.
        turns: Number of its running turns.
        p50: Median duration of its last turns, ms; None before the first.
        reachability: What the last probe of a remote agent found; None for one in code and before the first.
    """

    workers: int
    turns: int
    p50: float | None
    reachability: Reachability | None = None


class AgentDirectory:
    """The agents of all workspaces. An agent in code takes precedence over a remote one with the same name."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._roster = WorkerRegistry(database)
        self._remotes = RemoteAgents(database)
        self._probes = Probes(database)

    async def get(self, workspace: str, name: str) -> AgentInfo | None:
        """Return an agent by name, even if no worker runs it now; None if there is none."""
        encoded = await self._database.call("HGET", keys.agents(), name)
        if encoded is not None:
            return next((_in_code(report) for report in readable(decode_agent_report, [encoded])), None)
        remote = await self._remotes.get(workspace, name)
        now = await self._database.now() if remote and remote.expires else 0
        return _registered(remote, now) if remote and not remote.expired(now) else None

    async def list(self, workspace: str) -> list[tuple[AgentInfo, AgentStats]]:
        """Return all agents by name, each with its statistics."""
        workers = [report for report, silent in await self._roster.workers() if silent <= report.lease]
        working = [report for report in workers if report.state == "working"]
        in_code = [_in_code(report) for report in await self._roster.agents()]
        names = {agent.name for agent in in_code}
        others = [remote for remote in await self._remotes.list(workspace) if remote.name not in names]
        agents = [(agent, _stats(agent, "", workers, _serving(agent, working))) for agent in in_code]
        if others:
            now, probed = await self._database.now(), await self._probed(workspace, others)
            registered = [_registered(remote, now) for remote in others if not remote.expired(now)]
            agents += [
                (agent, _stats(agent, workspace, workers, len(working), probed.get(agent.name))) for agent in registered
            ]
        return sorted(agents, key=lambda one: one[0].name)

    async def _probed(self, workspace: str, remotes: Sequence[RemoteAgent]) -> dict[str, Reachability]:
        """Return what the last probes found, by name. A probe of another URL than the present one says nothing."""
        probed = await self._probes.all(workspace)
        for name in {remote.name for remote in remotes} - probed.keys():
            # An earlier version, which registered it, scheduled no probe.
            with suppress(StoreFull):
                await self._probes.schedule(workspace, name, unless="scheduled")
        return {r.name: probed[r.name] for r in remotes if r.name in probed and probed[r.name].url == r.url}


def _in_code(report: AgentReport) -> AgentInfo:
    return AgentInfo(
        name=report.name,
        description=report.description,
        lifecycle=report.lifecycle,
        chat=report.chat,
        arrival=report.arrival,
        input_schema=report.input_schema,
        output_schema=report.output_schema,
    )


def _registered(remote: RemoteAgent, now: int) -> AgentInfo:
    return AgentInfo(
        name=remote.name,
        description=remote.description,
        lifecycle=remote.lifecycle,
        chat=remote.chat,
        arrival="queue",
        url=remote.url,
        token=bool(remote.bearer_token),
        expires=remote.expires,
        gone=remote.gone(now),
    )


def _serving(info: AgentInfo, workers: Sequence[WorkerReport]) -> int:
    return sum(any(agent.name == info.name and not agent.workspace for agent in w.agents) for w in workers)


def _stats(
    info: AgentInfo,
    workspace: str,
    workers: Sequence[WorkerReport],
    serving: int,
    reachability: Reachability | None = None,
) -> AgentStats:
    reports = [a for worker in workers for a in worker.agents if (a.workspace, a.name) == (workspace, info.name)]
    times = [time for agent in reports for time in agent.times]
    return AgentStats(
        workers=serving,
        turns=sum(agent.turns for agent in reports),
        p50=round(median(times), 1) if times else None,
        reachability=reachability,
    )
