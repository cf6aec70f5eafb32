"""The agents that a caller can reach: those that workers serve, and registered remote agents."""

from __future__ import annotations

from answerback.store.fleet.agents import AgentDirectory, AgentInfo

from ...problems import Problem
from ..auth.audience import trusted
from ..context import Principal
from ..ttl_cache import TTLCache

TAG = "Agents"
"""The tag of agent routes in the OpenAPI document."""
DEFAULT = "chat"
"""The name in a path that stands for the default chat agent."""


def aliases(path: str) -> tuple[str, ...]:
    """Return the other full paths of a route of agents."""
    return (f"/v1{path}", f"/api{path}")


class Agents:
    """Look up agents for callers. What workers report of an agent is cached for a second."""

    def __init__(self, directory: AgentDirectory) -> None:
        self.directory = directory
        self._known: TTLCache[tuple[str, str], AgentInfo | None] = TTLCache(lambda key: directory.get(*key))

    async def check(self, caller: Principal, name: str | None) -> None:
        """Refuse an agent that cannot answer a chat. While no agents are registered at all, accept any.

        Raises `Problem`: 404, or 409 for an agent that does not accept chat messages.
        """
        if name is None:
            return
        try:
            await self.get(caller, name)
        except Problem as problem:
            if problem.status != 404 or await self.directory.list(caller.workspace):
                raise

    async def anyone(self, workspace: str) -> None:
        """Refuse a message to the default chat agent while there is none. Raises `Problem`: 404."""
        if not any(agent.accepts_chat and not agent.url for agent, _ in await self.directory.list(workspace)):
            raise Problem(404, "no worker serves an agent that accepts chat messages", code="no-such-agent")

    async def get(self, caller: Principal, name: str) -> AgentInfo:
        """Return an agent that accepts chat messages. Raises `Problem`: 404 or 409."""
        agent = await self._known.get((caller.workspace, name))
        if agent is None or agent.url:
            # What is registered here, or just started, is seen at once.
            self._known.forget((caller.workspace, name))
        if not trusted(caller) and (agent is None or not agent.accepts_chat):
            # End users do not learn which other agents exist.
            raise Problem(404, f'there is no agent "{name}"', code="no-such-agent")
        if agent is None:
            agents = await self.directory.list(caller.workspace)
            names = ", ".join(agent.name for agent, _ in agents if agent.accepts_chat) or "none"
            raise Problem(404, f'there is no agent "{name}"; available: {names}', code="no-such-agent")
        if agent.gone:
            raise Problem(409, f'the agent "{name}" is gone: its lease was not renewed', code="agent-gone")
        if not agent.accepts_chat:
            raise Problem(409, f'the agent "{name}" does not accept chat messages', code="no-chat")
        return agent
