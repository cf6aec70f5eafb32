"""The metrics and their table in docs/metrics.md agree, and no label takes any number of values."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from answerback.metrics import OTHER, Bounded
from worker.metrics import REASONS, AgentMetrics, reason_label
from worker.statistics import Counters
from worker.turn_counts import Distribution, TurnCollector

PAGE = Path(__file__).parents[2] / "docs/metrics.md"
ROW = re.compile(r"^\| `(answerback_\w+)` \| (\w+) \|(.*?)\| (\w+) \|", re.MULTILINE)


class Documented(NamedTuple):
    name: str
    kind: str
    labels: tuple[str, ...]
    process: str


def _exposed() -> Iterator[Documented]:
    for module in ("ingress.app", "ingress.connections", "worker.wiring"):
        importlib.import_module(module)
    for path, loaded in sorted(sys.modules.items()):
        process = {"ingress": "ingress", "worker": "worker", "answerback": "both"}.get(path.partition(".")[0], "")
        for metric in vars(loaded).values() if process else ():
            if isinstance(metric, MetricWrapperBase):
                [family] = metric.describe()
                yield _documented(family, metric._labelnames, process)
            elif isinstance(metric, TurnCollector):
                yield from (_documented(family, family._labelnames, process) for family in metric.collect())


def _documented(family: Metric, labels: Sequence[str], process: str) -> Documented:
    suffix = "_total" if family.type == "counter" else ""
    return Documented(f"{family.name}{suffix}", family.type, tuple(labels), process)


def test_every_metric_is_in_the_table_and_the_other_way_round() -> None:
    exposed = set(_exposed())
    # A metric that several modules import belongs to the one that both processes load, or to its own.
    shared = {each.name for each in exposed if each.process == "both"}
    exposed = {each for each in exposed if each.name not in shared or each.process == "both"}
    rows = [
        Documented(name, kind, tuple(re.findall(r"`(\w+)`", labels)), process)
        for name, kind, labels, process in ROW.findall(PAGE.read_text())
    ]
    assert len({row.name for row in rows}) == len(rows)
    assert sorted(exposed) == sorted(rows)
    registered = {family.name for family in REGISTRY.collect() if family.name.startswith("answerback_")}
    assert registered == {row.name.removesuffix("_total") for row in rows}


def test_the_names_follow_the_conventions_of_prometheus() -> None:
    for name, kind, labels, _ in _exposed():
        assert name.endswith("_total") == (kind == "counter"), name
        assert kind != "histogram" or name.endswith("_seconds"), name
        assert not re.search(r"_(ms|milliseconds|minutes|kb)\b", name), name
        assert not {"thread", "turn", "user", "delivery"} & {*labels}, name


def test_every_reason_is_documented() -> None:
    page = PAGE.read_text()
    assert [reason for reason in REASONS if f"`{reason}`" not in page] == []


def test_the_values_of_labels_are_bounded() -> None:
    label = Bounded(2)
    assert [label(value) for value in ("a", "b", "c", "a", "d")] == ["a", "b", OTHER, "a", OTHER]
    assert reason_label("timeout") == "timeout"
    assert reason_label("a code of somebody's own") == OTHER


def test_agents_of_customers_are_counted_as_one() -> None:
    counters = Counters(["shop"])
    before = REGISTRY.get_sample_value("answerback_turns_total", {"agent": OTHER, "outcome": "completed"}) or 0.0
    for name in ("shop", "customer-1", "customer-2"):
        counters.end("completed", name)
    assert REGISTRY.get_sample_value("answerback_turns_total", {"agent": OTHER, "outcome": "completed"}) == before + 2
    assert REGISTRY.get_sample_value("answerback_turns_total", {"agent": "customer-1", "outcome": "completed"}) is None


def test_a_failed_model_request_has_no_tokens() -> None:
    metrics = AgentMetrics("counted")
    metrics.model_request("gpt", 0.5, {"input_tokens": 7, "output_tokens": 2})
    metrics.model_request("gpt", 0.1, None)
    labels = {"agent": "counted", "model": "gpt"}
    outcomes = [
        REGISTRY.get_sample_value("answerback_model_requests_total", {**labels, "outcome": each})
        for each in ("done", "failed")
    ]
    tokens = [
        REGISTRY.get_sample_value("answerback_model_tokens_total", {**labels, "type": each})
        for each in ("input", "output")
    ]
    assert (outcomes, tokens) == ([1.0, 1.0], [7.0, 2.0])


def test_a_duration_is_in_the_bucket_that_includes_it() -> None:
    durations = Distribution()
    for seconds in (0.0, 0.005, 0.0051, 600, 601):
        durations.observe(seconds)
    assert (durations.counts[:2], durations.counts[-2:]) == ([2, 1], [1, 1])
    assert durations.sum == pytest.approx(1201.0101)
