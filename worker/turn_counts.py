"""The metrics of turns, counted without locks: only the event loop's thread counts.

The counters of prometheus_client take a lock for each increment, which is a few percent of a short turn.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from answerback.metrics import DURATIONS

_BOUNDS = [*map(floatToGoString, DURATIONS), "+Inf"]


class Distribution:
    """Durations, counted in buckets."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count a duration."""
        self.counts[bisect_left(DURATIONS, seconds)] += 1
        self.sum += seconds


class TurnCounts:
    """The turns of one agent.

    Attributes:
        ended: Number of turns by outcome.
    """

    __slots__ = ("attempts", "duration", "ended", "steps", "wait")

    def __init__(self, outcomes: Iterable[str]) -> None:
        self.attempts = 0
        self.steps = 0
        self.ended = dict.fromkeys(outcomes, 0)
        self.duration = Distribution()
        self.wait = Distribution()


class TurnCollector(Collector):
    """Exposes the counts of all agents, by their names."""

    def __init__(self) -> None:
        self.agents: dict[str, TurnCounts] = {}
        self.ignored = 0
        """Events that no agent answered."""

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        """Return the metrics."""
        turns = CounterMetricFamily("answerback_turns", "Turns that ended", labels=["agent", "outcome"])
        for agent, counts in self.agents.items():
            for outcome, count in counts.ended.items():
                turns.add_metric([agent, outcome], count)
        turns.add_metric(["", "ignored"], self.ignored)
        yield turns
        yield self._counter("answerback_turn_attempts", "Attempts of turns that began", lambda counts: counts.attempts)
        yield self._counter(
            "answerback_steps", "Steps run; recorded results are not counted", lambda counts: counts.steps
        )
        yield self._histogram(
            "answerback_turn_duration_seconds", "How long agents ran, per attempt", lambda counts: counts.duration
        )
        yield self._histogram(
            "answerback_turn_wait_seconds",
            "Time from the storing of an event to the beginning of its turn",
            lambda counts: counts.wait,
        )

    def _counter(self, name: str, text: str, count: Callable[[TurnCounts], int]) -> CounterMetricFamily:
        family = CounterMetricFamily(name, text, labels=["agent"])
        for agent, counts in self.agents.items():
            family.add_metric([agent], count(counts))
        return family

    def _histogram(self, name: str, text: str, of: Callable[[TurnCounts], Distribution]) -> HistogramMetricFamily:
        family = HistogramMetricFamily(name, text, labels=["agent"])
        for agent, counts in self.agents.items():
            durations = of(counts)
            buckets = list(zip(_BOUNDS, accumulate(durations.counts), strict=True))
            family.add_metric([agent], buckets, durations.sum)
        return family
