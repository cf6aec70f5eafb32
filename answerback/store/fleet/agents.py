"""The agents available to a workspace: those in the workers' code, and its registered remote agents."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import msgspec

from answerback.events import Arrival
from answerback.store.decode import readable
from answerback.store.fleet import keys
from answerback.store.fleet.remote_agents import RemoteAgent, RemoteAgents
from answerback.store.fleet.workers import AgentReport, WorkerRegistry, WorkerReport, decode_agent_report
from answerback.store.redis import Database


class AgentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration of an agent.

    Attributes:
        chat: Whether it accepts chat messages.
        url: URL of a remote agent; "" for one in code.
        token: Whether requests to a remote agent carry a bearer token.
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
    input_schema: bytes = b""
    output_schema: bytes = b""


class AgentStats(msgspec.Struct, frozen=True, kw_only=True):
    """Current statistics of an agent.

    Attributes:
        workers: Number of live workers that run it.
        turns: Number of its running turns.
        p50: Median duration of its last turns, ms; None before the first.
    """

    workers: int
    turns: int
    p50: float | None


class AgentDirectory:
    """The agents of all workspaces. An agent in code takes precedence over a remote one with the same name."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._roster = WorkerRegistry(database)
        self._remotes = RemoteAgents(database)

    async def get(self, workspace: str, name: str) -> AgentInfo | None:
        """Return an agent by name, even if no worker runs it now; None if there is none."""
        encoded = await self._database.call("HGET", keys.agents(), name)
        if encoded is not None:
            return next((_in_code(report) for report in readable(decode_agent_report, [encoded])), None)
        remote = await self._remotes.get(workspace, name)
        return _registered(remote) if remote else None

    async def list(self, workspace: str) -> list[tuple[AgentInfo, AgentStats]]:
        """Return all agents by name, each with its statistics."""
        workers = [report for report, silent in await self._roster.workers() if silent <= report.lease]
        working = [report for report in workers if report.state == "working"]
        in_code = [_in_code(report) for report in await self._roster.agents()]
        names = {agent.name for agent in in_code}
        others = [_registered(remote) for remote in await self._remotes.list(workspace) if remote.name not in names]
        agents = [(agent, _standing(agent, "", workers, _serving(agent, working))) for agent in in_code]
        agents += [(agent, _standing(agent, workspace, workers, len(working))) for agent in others]
        return sorted(agents, key=lambda one: one[0].name)


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


def _registered(remote: RemoteAgent) -> AgentInfo:
    return AgentInfo(
        name=remote.name,
        description=remote.description,
        lifecycle=remote.lifecycle,
        chat=remote.chat,
        arrival="queue",
        url=remote.url,
        token=bool(remote.bearer_token),
    )


def _serving(info: AgentInfo, workers: Sequence[WorkerReport]) -> int:
    return sum(any(agent.name == info.name and not agent.workspace for agent in w.agents) for w in workers)


def _standing(info: AgentInfo, workspace: str, workers: Sequence[WorkerReport], serving: int) -> AgentStats:
    reports = [a for worker in workers for a in worker.agents if (a.workspace, a.name) == (workspace, info.name)]
    times = [time for agent in reports for time in agent.times]
    p50 = round(median(times), 1) if times else None
    return AgentStats(workers=serving, turns=sum(agent.turns for agent in reports), p50=p50)
