"""The agents that workers serve, as far as they have told."""

from __future__ import annotations

from answerback.store import Roster
from ingress.problems import Problem


class Agents:
    """The agents of all workers."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    async def check(self, name: str | None) -> None:
        """Refuse an agent that nobody has served within a day; while no worker has told anything, none is refused.

        Raises `Problem` (404).
        """
        if name is None:
            return
        known = {agent.name for report, _ in await self._roster.workers() for agent in report.agents}
        if known and name not in known:
            there = ", ".join(sorted(known))
            raise Problem(404, f'no worker serves an agent "{name}"; there are: {there}', code="no-such-agent")
