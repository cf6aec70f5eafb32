"""Durations of the last turns of each agent in this worker."""

from __future__ import annotations

from collections import deque

from answerback.agents import Agent

WINDOW = 32
"""Turns kept per agent."""
AGENTS = 100
"""Maximum number of agents; the oldest is dropped first."""

AgentKey = tuple[str, str]
"""An agent's workspace ("" for the worker's own agents) and name."""


def agent_key(agent: Agent) -> AgentKey:
    """Return the agent's key."""
    return agent.workspace, agent.name


class TurnDurations:
    """Durations of completed turns, in ms."""

    def __init__(self) -> None:
        self.times: dict[AgentKey, deque[float]] = {}

    def record(self, agent: Agent, seconds: float) -> None:
        """Record the duration of a completed turn."""
        key = agent_key(agent)
        times = self.times.get(key)
        if times is None:
            if len(self.times) >= AGENTS:
                del self.times[next(iter(self.times))]
            times = self.times[key] = deque(maxlen=WINDOW)
        times.append(seconds * 1000)
