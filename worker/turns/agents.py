"""The agents that a worker runs: its own, and the remote ones registered with workspaces."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import SecretStr

from answerback.agents import Agent
from answerback.agents.remote import as_remote
from answerback.codec import encode
from answerback.events import Event
from answerback.http.untrusted import UntrustedHttp
from answerback.store.fleet.remote_agents import RemoteAgents
from answerback.store.fleet.workers import AgentReport

from ..durations import agent_key
from .running import Running

LARGEST = 300
"""Maximum number of nodes of a flow diagram on the dashboard; larger ones are unreadable."""


class AgentRegistry:
    """Looks up agents by name.

    Remote agents are looked up for each turn, so registering or removing one takes effect immediately.
    """

    def __init__(self, own: Sequence[Agent], remotes: RemoteAgents, http: UntrustedHttp) -> None:
        self.own = own
        self._remotes = remotes
        self._http = http
        self._names = {agent.name for agent in own}

    async def candidates(self, event: Event) -> Sequence[Agent]:
        """Return the agents that may answer an event: our own, and the remote one it names."""
        kind, workspace, _ = f"{event.thread}::".split(":", 2)
        if not event.agent or event.agent in self._names or kind != "chat":
            return self.own
        remote = await self._remotes.get(workspace, event.agent)
        if remote is None:
            return self.own
        token = SecretStr(remote.bearer_token) if remote.bearer_token else None
        agent = Agent(remote.name, as_remote(remote.name, remote.url, self._http, bearer_token=token))
        agent.workspace = workspace
        return [*self.own, agent]

    def diagrams(self) -> dict[str, bytes | None]:
        """Return the encoded flow diagrams of our own agents by name; None for one without a flow."""
        sketches = {agent.name: agent.sketch for agent in self.own}
        return {
            name: encode(sketch) if sketch and len(sketch.boxes) <= LARGEST else None
            for name, sketch in sketches.items()
        }

    def reports(self, running: Running) -> list[AgentReport]:
        """Return reports of all our own agents, and of the remote agents that ran here recently."""
        own = {agent_key(agent): agent for agent in self.own}
        busy, times = running.busy(), running.durations.times
        return [
            AgentReport(
                name,
                agent.description if agent else "",
                tuple(map(str, agent.listen)) if agent else (),
                workspace=workspace,
                lifecycle=agent.lifecycle if agent else "long-lived",
                chat=agent.chat if agent else True,
                arrival=agent.arrival if agent else "queue",
                turns=busy[workspace, name],
                times=tuple(times.get((workspace, name), ())),
                input_schema=agent.typed.input_schema if agent else b"",
                output_schema=agent.typed.output_schema if agent else b"",
                raw=_platforms(agent) if agent and agent.raw else (),
                edits=_platforms(agent) if agent and agent.edits != "ignore" else (),
                conversations=_platforms(agent) if agent and agent.direct == "conversation" else (),
            )
            # Our own first, in the order of their list: the first one that may answer is the default.
            for workspace, name in dict.fromkeys((*own, *times, *busy))
            if (agent := own.get((workspace, name))) or workspace
        ]


def _platforms(agent: Agent) -> tuple[str, ...]:
    return tuple(listen.platform for listen in agent.listen)
