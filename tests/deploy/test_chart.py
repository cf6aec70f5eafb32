"""The chart: valid for Kubernetes and KEDA, for our settings, and refused in words if its values are wrong."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from answerback.settings import Settings
from tests.deploy.chart import CHART, NAMESPACE, VALUES, Manifest, environment, named, pod, render, render_values
from tests.deploy.programs import EXTRA

KUBERNETES = ("1.27", "1.34", "1.37")
SCALED_OBJECT = json.loads((Path(__file__).parent / "scaled_object.json").read_text())
LEAST: Manifest = {"image": {"repository": "r.example.com/bot"}, "redis": {"url": "redis://redis:6379"}}
values = pytest.mark.parametrize("path", VALUES, ids=lambda path: path.stem)


def test_the_example_values_are_there() -> None:
    assert {path.stem for path in VALUES} == {"url", "trial", "production"}


@values
def test_every_manifest_is_valid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubernetes = pytest.importorskip("kubernetes_validate", reason=EXTRA)
    # It would read the definitions again for each manifest.
    monkeypatch.setattr(kubernetes.utils, "schema_contents", cache(kubernetes.utils.schema_contents))
    manifests, _ = render(path)
    assert len(manifests) > 6
    for manifest in manifests:
        if manifest["kind"] == "ScaledObject":
            jsonschema.validate(manifest, SCALED_OBJECT)
            continue
        for version in KUBERNETES:
            kubernetes.validate(manifest, version, strict=True)
    spoilt = json.loads(json.dumps(named(manifests, "Deployment", "worker")))
    spoilt["spec"]["template"]["spec"]["terminationGraceSeconds"] = 1
    with pytest.raises(kubernetes.ValidationError):
        kubernetes.validate(spoilt, KUBERNETES[0], strict=True)


@pytest.mark.parametrize(
    ("more", "version"),
    [
        ({"image": {"tag": "v1.2"}}, "v1.2"),
        ({"image": {"digest": f"sha256:{'0' * 64}", "tag": "v1.2"}}, "0" * 64),
        ({"image": {"tag": "latest"}}, None),
        ({"image": {"tag": "v1.2"}, "agents": {"configMap": "agents"}}, None),
        ({"image": {"tag": "v1.2"}, "settings": {"ANSWERBACK_VERSION": "mine"}}, "mine"),
        ({"image": {"tag": "v" * 128}}, "v" * 64),
    ],
)
def test_the_image_is_the_version_of_the_agents(more: Manifest, version: str | None) -> None:
    manifests, _ = render_values(LEAST | more | {"image": LEAST["image"] | more["image"]})
    found = environment(manifests, "worker")
    assert found.get("ANSWERBACK_VERSION") == version
    assert Settings.load(found).version == version


@values
@pytest.mark.parametrize("component", ["ingress", "worker"])
def test_the_processes_get_valid_settings(path: Path, component: str) -> None:
    manifests, _ = render(path)
    found = environment(manifests, component)
    settings = Settings.load({name: value for name, value in found.items() if not name.endswith("_FILE")})
    spec = pod(manifests, component)
    (container,) = spec["containers"]
    grace = spec["terminationGracePeriodSeconds"]
    assert settings.grace + 10 <= grace < settings.grace + 11
    assert settings.drain < settings.grace
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert settings.host == "0.0.0.0"
    if component == "ingress":
        assert ports == {"http": settings.port, "metrics": settings.metrics_port}
    else:
        assert ports == {"metrics": settings.worker_metrics_port}
    # Each file that a setting names is mounted.
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    volumes = {each["name"]: each for each in spec["volumes"]}
    assert set(mounts.values()) == set(volumes)
    for name, file in found.items():
        if name.endswith("_FILE"):
            folder, _, key = file.rpartition("/")
            items = volumes[mounts[folder]]["secret"]["items"]
            assert {"key": key, "path": key} in items
    for name in found.keys() - {"REDIS_URL"}:
        variables = {str(field.alias) for field in Settings.variables()} | {"ANTHROPIC_API_KEY"}
        assert name.removesuffix("_FILE") in variables


@values
def test_a_worker_may_end_itself_before_its_probe_does_it(path: Path) -> None:
    manifests, _ = render(path)
    settings = Settings.load(
        {name: value for name, value in environment(manifests, "worker").items() if not name.endswith("_FILE")}
    )
    (container,) = pod(manifests, "worker")["containers"]
    probe = container["livenessProbe"]
    assert probe["periodSeconds"] * (probe["failureThreshold"] - 1) > settings.stuck
    for each in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[each]["httpGet"]["port"] == "metrics"


@values
def test_numbers_reach_the_processes_as_they_were_written(path: Path) -> None:
    given = msgspec.yaml.decode(path.read_bytes())
    manifests, _ = render(path)
    for name, value in given.get("settings", {}).items():
        expected = str(value).lower() if isinstance(value, bool) else str(value)
        assert environment(manifests, "worker")[name] == environment(manifests, "ingress")[name] == expected
    assert not [text for text in environment(manifests, "ingress").values() if re.search(r"\de[+-]\d", text)]


@values
def test_no_process_may_write_or_gain_rights(path: Path) -> None:
    manifests, _ = render(path)
    specs = [each["spec"] for each in manifests if each["kind"] == "Pod"]
    specs += [each["spec"]["template"]["spec"] for each in manifests if each["kind"] in ("Deployment", "StatefulSet")]
    assert len(specs) >= 3
    for spec in specs:
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


@values
def test_whatever_selects_pods_selects_some(path: Path) -> None:
    manifests, _ = render(path)
    labels = [
        each["spec"]["template"]["metadata"]["labels"]
        for each in manifests
        if each["kind"] in ("Deployment", "StatefulSet")
    ]

    def selects(selector: dict[str, str]) -> bool:
        return any(selector.items() <= each.items() for each in labels)

    for each in manifests:
        spec: Any = each.get("spec", {})
        match each["kind"]:
            case "Service":
                assert selects(spec["selector"])
            case "PodDisruptionBudget" | "Deployment" | "StatefulSet":
                assert selects(spec["selector"]["matchLabels"])
            case "NetworkPolicy":
                assert selects(spec["podSelector"]["matchLabels"])
    service = named(manifests, "Service", "ingress")
    assert service["spec"]["ports"][0]["targetPort"] == "http"


def test_secrets_go_only_where_they_are_needed() -> None:
    manifests, _ = render(next(path for path in VALUES if path.stem == "production"))
    ingress, worker = environment(manifests, "ingress"), environment(manifests, "worker")
    assert {name for name in ingress if name.endswith("_FILE")} == {
        "SLACK_SIGNING_SECRET_FILE", "GITHUB_WEBHOOK_SECRET_FILE", "METRICS_TOKEN_FILE", "REDIS_URL_FILE",
    }  # fmt: skip
    assert {name for name in worker if name.endswith("_FILE")} == {
        "SLACK_BOT_TOKEN_FILE", "GITHUB_TOKEN_FILE", "ANTHROPIC_API_KEY_FILE", "METRICS_TOKEN_FILE", "REDIS_URL_FILE",
    }  # fmt: skip
    for component in ("ingress", "worker"):
        listed = {name.removesuffix("_FILE") for name in environment(manifests, component) if name.endswith("_FILE")}
        volumes = {each["name"]: each for each in pod(manifests, component)["volumes"]}
        assert {item["key"] for item in volumes["secrets"]["secret"]["items"]} == listed - {"REDIS_URL"}


def test_workers_are_scaled_by_keda_alone_if_it_is_switched_on() -> None:
    for path in VALUES:
        manifests, _ = render(path)
        scaled = [each for each in manifests if each["kind"] == "ScaledObject"]
        worker = named(manifests, "Deployment", "worker")
        assert len(scaled) == (path.stem == "production")
        assert ("replicas" in worker["spec"]) == (not scaled)
        for each in scaled:
            assert each["spec"]["scaleTargetRef"]["name"] == worker["metadata"]["name"]


def test_a_change_of_settings_restarts_the_pods() -> None:
    def checksum(values: Manifest) -> str:
        template = named(render_values(values)[0], "Deployment", "worker")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/settings"])

    assert checksum(LEAST) == checksum(LEAST)
    assert checksum(LEAST) != checksum({**LEAST, "settings": {"LOG_LEVEL": "debug"}})


def test_the_notes_name_what_to_do_next_and_what_is_missing() -> None:
    _, least = render(next(path for path in VALUES if path.stem == "trial"))
    assert "redis.trial is one server without replicas or backups" in least
    assert "ingress.trustedProxies is empty" in least
    _, notes = render(next(path for path in VALUES if path.stem == "production"))
    assert "https://bot.example.com/webhooks/slack" in notes
    assert f"kubectl -n {NAMESPACE} exec deploy/support-answerback-worker -- answerback check" in notes
    assert "WARNING" not in notes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": {"repository": ""}}, "repository"),
        ({"redis": {}}, "set one of redis.url, redis.secret.name and redis.trial.enabled"),
        ({"redis": {"url": "redis://r", "trial": {"enabled": True}}}, "set one of redis.url"),
        ({"redis": {"url": "redis://user:password@r:6379"}}, "redis.url: has a password"),
        ({"redis": {"url": "r.example.com"}}, "url"),
        (
            {"settings": {"SHUTDOWN_GRACE_SECONDS": 60}},
            "SHUTDOWN_GRACE_SECONDS is set by the chart, from shutdownGrace",
        ),
        ({"worker": {"settings": {"WORKER_CONCURRENCY": 5}}}, "from worker.concurrency"),
        ({"settings": {"log_level": "debug"}}, "log_level"),
        ({"secret": {"ingress": ["SLACK_SIGNING_SECRET"]}}, "set secret.name"),
        ({"secret": {"name": "bot", "worker": ["SLACK_BOT_TOKEN_FILE"]}}, "list SLACK_BOT_TOKEN, not SLACK"),
        ({"ingress": {"drainSeconds": 25}}, "ingress.drainSeconds is part of shutdownGraceSeconds"),
        ({"expose": {"enabled": True}}, "host"),
        ({"autoscaling": {"enabled": True}}, "prometheus"),
        ({"autoscaling": {"minReplicas": 0}}, "minReplicas"),
        ({"metrics": {"port": 8080}}, "port"),
        ({"worker": {"replica": 3}}, "replica"),
        ({"shutdownGracePeriod": 3}, "shutdownGracePeriod"),
    ],
)
def test_wrong_values_are_refused_in_words(change: Manifest, words: str) -> None:
    helm = pytest.importorskip("helm_python", reason=EXTRA)
    with pytest.raises(helm.HelmError) as refused:
        render_values({**LEAST, **change})
    assert words in str(refused.value)


def test_the_chart_is_clean_for_helm_lint() -> None:
    helm = pytest.importorskip("helm_python", reason=EXTRA)
    found = helm.lint(str(CHART), values=LEAST)
    assert found["total_charts_linted"] == 1
    assert not found["errors"]
    assert [each for each in found["messages"] if "icon is recommended" not in str(each)] == []


def test_the_version_is_ours_and_the_schema_knows_every_value() -> None:
    chart = msgspec.yaml.decode((CHART / "Chart.yaml").read_bytes())
    project = msgspec.toml.decode((CHART.parents[1] / "pyproject.toml").read_bytes())["project"]
    assert chart["appVersion"] == project["version"]

    def known(schema: Manifest, default: Any, where: str) -> None:
        if schema.get("additionalProperties") is False:
            assert schema["properties"].keys() - {"global"} == default.keys(), where
            for name, value in default.items():
                known(schema["properties"][name], value, f"{where}.{name}")

    defaults = msgspec.yaml.decode((CHART / "values.yaml").read_bytes())
    known(json.loads((CHART / "values.schema.json").read_text()), defaults, "values")
    assert math.isclose(defaults["shutdownGraceSeconds"], Settings.load({}).grace)
    assert defaults["worker"]["concurrency"] == Settings.load({}).concurrency
