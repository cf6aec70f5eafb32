"""The metrics of several processes as those of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

SUMMED = re.compile(
    r"process_(resident|virtual|open)_|answerback_(connections|turns_running|turn_slots|outboxes_sending)$"
)
"""The gauges that describe one process, and are added. All others describe what processes share: the queues, the time
since Redis went away; of these the largest value counts. Add the name of a new gauge of one process here."""


def merged(texts: Sequence[bytes]) -> bytes:
    """Return the sum of metrics in Prometheus' text format: counters and histograms add up, for gauges see `SUMMED`."""
    metrics: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text.decode()):
            metrics.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            samples = values.setdefault(family.name, {})
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                samples[key] = _combined(family, samples[key], sample.value) if key in samples else sample.value
    for name, metric in metrics.items():
        for (sample_name, labels), value in values[name].items():
            metric.add_sample(sample_name, dict(labels), value)
    registry = CollectorRegistry()
    registry.register(_Given(metrics.values()))
    return generate_latest(registry)


class _Given(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _combined(family: Metric, one: float, other: float) -> float:
    if family.type in ("gauge", "unknown") and not SUMMED.match(family.name):
        return max(one, other)
    return one + other
