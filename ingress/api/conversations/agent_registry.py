"""The agents that a caller reaches, as workers and those who registered them have told."""

from __future__ import annotations

from answerback.store.fleet.agents import AgentDirectory, AgentInfo

from ...problems import Problem
from ..auth.audience import audience
from ..context import Principal

TAG = "Agents"
"""Under which the routes of agents are grouped in the API's document."""
DEFAULT = "chat"
"""The name in a path that stands for whichever agent takes chats."""


class Agents:
    """The agents of all workspaces."""

    def __init__(self, directory: AgentDirectory) -> None:
        self.directory = directory

    async def check(self, caller: Principal, name: str | None) -> None:
        """Refuse an agent that can answer no chat. While no worker has told anything, none is refused.

        Raises `Problem`: 404, or 409 for one that cannot be talked to.
        """
        if name is None:
            return
        try:
            await self.get(caller, name)
        except Problem as problem:
            if problem.status != 404 or await self.directory.list(caller.workspace):
                raise

    async def anyone(self, workspace: str) -> None:
        """Refuse what is said to nobody by name while nobody takes chats. Raises `Problem`: 404."""
        if not any(known.chat and not known.url for known, _ in await self.directory.list(workspace)):
            raise Problem(404, "no worker has an agent that takes chats", code="no-such-agent")

    async def get(self, caller: Principal, name: str) -> AgentInfo:
        """An agent that can be talked to. Raises `Problem`: 404, or 409."""
        known = await self.directory.get(caller.workspace, name)
        if audience(caller) == "visitor" and (known is None or not known.chat):
            # What else there is, a page's visitor is not told.
            raise Problem(404, f'there is no agent "{name}"', code="no-such-agent")
        if known is None:
            found = await self.directory.list(caller.workspace)
            there = ", ".join(known.name for known, _ in found if known.chat) or "none"
            raise Problem(404, f'there is no agent "{name}"; there are: {there}', code="no-such-agent")
        if not known.chat:
            raise Problem(409, f'the agent "{name}" cannot be talked to', code="no-chat")
        return known
