"""Counters of a worker: its Prometheus metrics, totals for its report, and increments for the metrics per minute."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from answerback.agents import Agent, Turn
from answerback.errors import StoreFull, StoreUnavailable
from answerback.metrics import OTHER
from answerback.store.fleet.metrics import Metrics, timed
from answerback.store.threads.records import Claim, Commit

from .metrics import DEAD_LETTERED, TURNS, AgentMetrics, Outcome, Reason, reason_label


class _Agents(dict[str, AgentMetrics]):
    """The metrics of agents by name. All that are not listed are one."""

    def __missing__(self, name: str) -> AgentMetrics:
        if OTHER not in self:
            self[OTHER] = AgentMetrics(OTHER)
        return self[OTHER]


class Counters:
    """The counts of one worker.

    Args:
        agents: The names of its own agents. All others, such as those of customers, are counted as "other".
    """

    def __init__(self, agents: Iterable[str] = ()) -> None:
        self.done = 0
        self.failed = 0
        self._unwritten: Counter[str] = Counter()
        self._agents = _Agents({name: AgentMetrics(name) for name in agents})

    def begin(self, claim: Claim, agent: Agent) -> AgentMetrics:
        """Count the beginning of an attempt, and how long its first event has waited. Return the agent's metrics."""
        metrics = self._agents[agent.name]
        counts = metrics.turns
        counts.attempts += 1
        if claim.attempt == 1 and (stored := claim.entries[0].stored):
            # The event was stored by another host's clock: the two may differ a little.
            waited = time.time() - stored / 1000
            counts.wait.observe(waited if waited > 0 else 0.0)
        return metrics

    def run(self, agent: Agent, turn: Turn, seconds: float) -> None:
        """Count a run of an agent with its steps and its duration, whatever its outcome."""
        self._unwritten["turns"] += 1
        self._unwritten[timed(seconds)] += 1
        counts = self._agents[agent.name].turns
        counts.duration.observe(seconds)
        counts.steps += turn.journal.ran

    def commit(self, commit: Commit) -> None:
        """Count a committed turn."""
        self.done += 1
        self._unwritten["events"] += commit.handled
        if commit.end:
            self.end(commit.end.status, commit.agent)

    def end(self, outcome: Outcome, agent: str) -> None:
        """Count the end of a turn. `agent`: its name; of an ignored event there is none."""
        if outcome == "ignored":
            TURNS.ignored += 1
        else:
            self._agents[agent].turns.ended[outcome] += 1

    def fail(self, agent: str, reason: str) -> None:
        """Count a failed attempt. `reason`: its failure code."""
        self.failed += 1
        self._unwritten["failed"] += 1
        self._agents[agent].fail(reason)

    def dead_letter(self, agent: str, reason: Reason | str) -> None:
        """Count a turn that ended as a dead letter."""
        self.end("failed", agent)
        DEAD_LETTERED.labels("event", reason_label(reason)).inc()

    async def flush(self, metrics: Metrics) -> None:
        """Write the increments since the last flush. If that fails, keep them for the next one."""
        increments, self._unwritten = self._unwritten, Counter()
        try:
            await metrics.add(increments)
        except (StoreUnavailable, StoreFull):
            self._unwritten += increments
            raise
