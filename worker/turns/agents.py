"""The agents that a worker serves: its own, and the remote ones that workspaces registered."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import SecretStr

from answerback.agents import Agent
from answerback.agents.remote import ask
from answerback.diagrams.diagram import Sketch
from answerback.http.untrusted import UntrustedHttp
from answerback.messages import Event
from answerback.store import AgentReport, RemoteAgents

from ..durations import who
from .running import Running

LARGEST = 300
"""Nodes of a flow that is drawn for those who watch: more than that, nobody reads."""


class AgentRegistry:
    """Who answers to a name.

    A remote agent is looked up for each of its turns: one is known as soon as it is registered, and reached
    no more as soon as it is taken away.
    """

    def __init__(self, own: Sequence[Agent], remotes: RemoteAgents, outside: UntrustedHttp) -> None:
        self.own = own
        self._remotes = remotes
        self._outside = outside
        self._names = {agent.name for agent in own}

    async def reached(self, event: Event) -> Sequence[Agent]:
        """The agents that may answer an event: our own, and the remote one that it calls by name."""
        kind, workspace, _ = f"{event.thread}::".split(":", 2)
        if not event.agent or event.agent in self._names or kind != "chat":
            return self.own
        remote = await self._remotes.get(workspace, event.agent)
        if remote is None:
            return self.own
        token = SecretStr(remote.bearer_token) if remote.bearer_token else None
        agent = Agent(remote.name, ask(remote.name, remote.url, self._outside, bearer_token=token))
        agent.workspace = workspace
        return [*self.own, agent]

    def sketches(self) -> dict[str, Sketch | None]:
        """What there is to draw of our own agents, by their names; None for one that follows no flow."""
        drawn = {agent.name: agent.sketch for agent in self.own}
        return {name: sketch if sketch and len(sketch.boxes) <= LARGEST else None for name, sketch in drawn.items()}

    def reports(self, running: Running) -> list[AgentReport]:
        """What there is to tell of them: of our own always, of the others when they worked here lately."""
        own = {who(agent): agent for agent in self.own}
        busy, times = running.busy(), running.pace.times
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
            )
            for (workspace, name), agent in {**dict.fromkeys((*times, *busy)), **own}.items()
            if agent or workspace
        ]
