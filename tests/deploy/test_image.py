"""The Dockerfile and the compose file: checked by hadolint and by Docker Compose itself, and true to the project."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest

from answerback.settings import Settings
from tests.deploy.programs import DEPLOY, EXTRA, docker_compose, program, run
from tests.forks import ROOT
from tools.local.project import create

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
IGNORED = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
FINAL = DOCKERFILE.rpartition("\nFROM ")[2]

Compose = dict[str, Any]


def test_hadolint_finds_nothing_in_the_dockerfiles(tmp_path: Path) -> None:
    hadolint = program("hadolint", EXTRA)
    create(tmp_path / "mybot")
    assert run(hadolint, DEPLOY / "Dockerfile", tmp_path / "mybot/Dockerfile") == ""
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN cd /tmp\n")
    assert "DL3006" in run(hadolint, tmp_path / "Dockerfile", code=1)


def test_what_the_dockerfile_copies_is_in_its_context() -> None:
    lines = [line.split() for line in DOCKERFILE.splitlines() if re.match(r"COPY (?!--from)", line)]
    copied = {name for line in lines for name in line[1:-1]}
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in IGNORED or name == "docs", name
    # What the wheel consists of, and what builds it.
    wheel = msgspec.toml.decode((ROOT / "pyproject.toml").read_bytes())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], "pyproject.toml", "constraints.txt", "README.md", "LICENSE"} == copied
    assert IGNORED[1] == "*"


def test_the_extras_of_the_image_are_extras() -> None:
    (extras,) = re.findall(r"ARG EXTRAS=(\S+)", DOCKERFILE)
    assert (
        set(extras.split(","))
        <= msgspec.toml.decode((ROOT / "pyproject.toml").read_bytes())["project"]["optional-dependencies"].keys()
    )


def test_the_image_runs_as_a_user_of_its_own_and_checks_its_health_without_curl() -> None:
    (user,) = re.findall(r"^USER (\d+):\d+$", FINAL, re.MULTILINE)
    assert f"--uid {user}" in FINAL
    assert "STOPSIGNAL SIGTERM" in FINAL
    (check,) = re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", FINAL, re.MULTILINE)
    command = json.loads(check)
    assert command[:3] == ["python", "-I", "-c"]
    for name in re.findall(r"'([A-Z_]+)'", command[3]):
        assert name in {field.alias for field in Settings.variables()}


@pytest.fixture(scope="module")
def compose() -> Compose:
    """Return the compose file as Docker Compose reads it, with all profiles."""
    text = run(docker_compose(), "-f", "compose.yaml", "--profile", "tls", "config", "--format", "json")
    return dict(json.loads(text))


def test_a_mistake_in_a_compose_file_is_found(tmp_path: Path) -> None:
    text = (DEPLOY / "compose.yaml").read_text().replace("stop_grace_period:", "stop_grace:")
    (tmp_path / "compose.yaml").write_text(text)
    said = run(docker_compose(), "config", "--quiet", folder=tmp_path, code=1)
    assert "additional properties 'stop_grace' not allowed" in said


def test_compose_runs_the_processes_with_valid_settings(compose: Compose) -> None:
    ingress, worker = compose["services"]["ingress"], compose["services"]["worker"]
    assert ingress["command"] == ["answerback", "ingress"]
    assert worker["command"] == ["answerback", "worker"]
    assert worker["deploy"]["replicas"] == 2
    settings = Settings.load(ingress["environment"])
    assert settings.trusted_proxies
    assert [f"{each['host_ip']}:{each['target']}" for each in ingress["ports"]] == [f"127.0.0.1:{settings.port}"]
    (front,) = compose["networks"]["front"]["ipam"]["config"]
    assert front["subnet"] in [str(each) for each in settings.trusted_proxies]
    assert compose["services"]["caddy"]["environment"]["ANSWERBACK_UPSTREAM"] == f"ingress:{settings.port}"
    port = Settings.load(worker["environment"]).worker_metrics_port
    assert f"127.0.0.1:{port}/health/ready" in worker["healthcheck"]["test"][-1]
    assert f"127.0.0.1:{settings.port}/health/ready" in ingress["healthcheck"]["test"][-1]


def test_compose_waits_long_enough_for_what_ends(compose: Compose) -> None:
    for name in ("ingress", "worker"):
        service = compose["services"][name]
        settings = Settings.load(service["environment"])
        assert service["stop_grace_period"] == f"{settings.grace + 10:g}s"
        assert service["depends_on"]["redis"]["condition"] == "service_healthy"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]


def test_redis_is_durable_and_is_reached_by_ours_alone(compose: Compose) -> None:
    redis = compose["services"]["redis"]
    flags = shlex.join(redis["command"])
    for flag in ("--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"):
        assert flag in flags
    assert [each["target"] for each in redis["volumes"]] == ["/data"]
    assert "ports" not in redis
    assert compose["networks"]["store"]["internal"] is True
    assert {name for name, each in compose["services"].items() if "store" in each["networks"]} == {
        "ingress", "worker", "redis",
    }  # fmt: skip


def test_the_example_of_settings_is_valid() -> None:
    text = (DEPLOY / "answerback.env.example").read_text()
    named = re.findall(r"^#? ?([A-Z_]+)=(.*)$", text, re.MULTILINE)
    assert len(named) > 8
    variables = {str(field.alias) for field in Settings.variables()} | {"ANTHROPIC_API_KEY", "OPENAI_API_KEY"}
    for name, value in named:
        assert name.removesuffix("_FILE") in variables, name
        if name.endswith("_FILE"):
            assert value == f"/run/secrets/{name.removesuffix('_FILE').lower()}"


def test_the_compose_file_of_a_new_project_agrees(compose: Compose, tmp_path: Path) -> None:
    create(tmp_path / "mybot")
    text = run(docker_compose(), "-f", "compose.yaml", "config", "--format", "json", folder=tmp_path / "mybot")
    project = json.loads(text)["services"]
    ours = compose["services"]
    assert project.keys() == {"ingress", "worker", "redis"}
    for name in ("image", "command", "healthcheck", "volumes", "stop_grace_period"):
        assert project["redis"].get(name) == ours["redis"].get(name)
    for service in ("ingress", "worker"):
        for name in (
            "command", "cap_drop", "depends_on", "healthcheck", "read_only", "restart", "security_opt",
            "stop_grace_period", "tmpfs",
        ):  # fmt: skip
            assert project[service].get(name) == ours[service].get(name), (service, name)
        environment = project[service]["environment"]
        for name in ("HOST", "PORT", "REDIS_URL", "SHUTDOWN_GRACE_SECONDS", "WORKER_METRICS_PORT", "METRICS_PORT"):
            assert environment.get(name) == ours[service]["environment"].get(name), (service, name)
