"""Alerts, dashboard and scaling: valid, firing when they should, and of metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.deploy.chart import VALUES, render
from tests.deploy.programs import DEPLOY, program, run
from tests.forks import ROOT

RULES = DEPLOY / "prometheus/rules.yaml"
DASHBOARD = DEPLOY / "grafana/answerback.json"
OTHERS = {
    "up", "ALERTS",
    "process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds",
    # redis_exporter, version 1: https://github.com/oliver006/redis_exporter
    "redis_memory_used_bytes", "redis_memory_max_bytes", "redis_aof_enabled", "redis_aof_last_write_status",
}  # fmt: skip
FUNCTIONS = {
    "absent", "by", "changes", "count", "histogram_quantile", "increase", "max", "offset", "or", "rate", "sum",
    "unless",
}  # fmt: skip


def table() -> set[str]:
    """Return the names of the series that docs/metrics.md lists."""
    rows = re.findall(r"^\| `(answerback_\w+)` \| (\w+) \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    assert len(rows) > 30
    histogram = {f"{name}_{part}" for name, kind in rows if kind == "histogram" for part in ("bucket", "sum", "count")}
    return {name for name, kind in rows if kind != "histogram"} | histogram


def metrics(query: str) -> set[str]:
    """Return the names of the series of a query."""
    without = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(by|without) \([^)]*\)|\boffset \w+', " ", query)
    return set(re.findall(r"[a-zA-Z_]\w*", without)) - FUNCTIONS


def alerts() -> list[dict[str, object]]:
    """Return the alerts."""
    return [rule for group in msgspec.yaml.decode(RULES.read_bytes())["groups"] for rule in group["rules"]]


def panels() -> Iterator[tuple[str, str]]:
    """Return the title and the query of each target of the dashboard, and of its annotations."""
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


def test_every_metric_of_alerts_dashboard_and_scaling_exists() -> None:
    used = {str(rule["alert"]): metrics(str(rule["expr"])) for rule in alerts()}
    used |= {title: metrics(query) for title, query in panels()}
    for manifest in render(next(path for path in VALUES if path.stem == "production"))[0]:
        if manifest["kind"] == "ScaledObject":
            used |= {t["name"]: metrics(t["metadata"]["query"]) for t in manifest["spec"]["triggers"]}
    assert {"depth", "oldest", "AnswerbackDeadLetters", "Webhooks"} <= used.keys()
    assert all(used.values())
    known = table() | OTHERS
    assert {name: unknown for name, found in used.items() if (unknown := found - known)} == {}


def test_the_rules_fire_when_they_should_and_not_otherwise(tmp_path: Path) -> None:
    promtool = program("promtool", "apt install prometheus")
    assert f"SUCCESS: {len(alerts())} rules found" in run(promtool, "check", "rules", RULES)
    shutil.copy(RULES, tmp_path)
    tests = Path(__file__).parent / "rules.test.yaml"
    shutil.copy(tests, tmp_path)
    assert "SUCCESS" in run(promtool, "test", "rules", tests.name, folder=tmp_path)
    tested = tests.read_text()
    assert [rule["alert"] for rule in alerts() if f"{rule['alert']}" not in tested] == []


def test_the_configurations_of_prometheus_are_valid(tmp_path: Path) -> None:
    promtool = program("promtool", "apt install prometheus")
    shutil.copy(RULES, tmp_path)
    for name in ("prometheus.yaml", "kubernetes.yaml"):
        text = (DEPLOY / "prometheus" / name).read_text()
        # Debian's Prometheus is built without the discovery of pods: check the rest.
        text = re.sub(r"    kubernetes_sd_configs:\n      - role: pod\n", "    static_configs: []\n", text)
        (tmp_path / name).write_text(text)
        assert "is valid prometheus config file syntax" in run(promtool, "check", "config", tmp_path / name)


def test_each_query_of_the_dashboard_is_promql(tmp_path: Path) -> None:
    promtool = program("promtool", "apt install prometheus")
    queries = [query.replace("$__rate_interval", "5m").replace("$namespace", ".*") for _, query in panels()]
    assert len(queries) > 30
    assert not [query for query in queries if "$" in query]
    rules = [{"record": f"q:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "rules.yaml").write_bytes(msgspec.yaml.encode({"groups": [{"name": "dashboard", "rules": rules}]}))
    run(promtool, "check", "rules", tmp_path / "rules.yaml")


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    places: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & places, panel["title"]
        places |= cells
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_each_alert_leads_to_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.*)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
