"""How long turns take: the last ones of each agent that worked here."""

from __future__ import annotations

from collections import deque

from answerback.agents import Agent

WINDOW = 32
"""Turns of an agent that are remembered."""
AGENTS = 100
"""Agents that are remembered; of more, those that were new longest ago are forgotten."""

Who = tuple[str, str]
"""An agent: the workspace that it is registered with, or "" for one of the worker's own, and its name."""


def who(agent: Agent) -> Who:
    """The agent, by its names."""
    return agent.workspace, agent.name


class TurnDurations:
    """The times of turns that came to their end, ms."""

    def __init__(self) -> None:
        self.times: dict[Who, deque[float]] = {}

    def took(self, agent: Agent, seconds: float) -> None:
        """One more."""
        key = who(agent)
        times = self.times.get(key)
        if times is None:
            if len(self.times) >= AGENTS:
                del self.times[next(iter(self.times))]
            times = self.times[key] = deque(maxlen=WINDOW)
        times.append(seconds * 1000)
