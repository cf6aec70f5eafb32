"""The units of systemd: valid, confined, and of our processes."""

from __future__ import annotations

import re
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest
from click import Context

from answerback.settings import Settings
from tests.deploy.programs import DEPLOY, program, run
from tools.cli import cli

SYSTEMD = DEPLOY / "systemd"
SERVICES = ("answerback-ingress.service", "answerback-worker@.service")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Return the units in a folder, with an interpreter that is there."""
    for path in SYSTEMD.glob("answerback*"):
        text = path.read_text()
        # With a program that is there: systemd looks for it.
        (tmp_path / path.name).write_text(text.replace("/opt/answerback/bin/answerback", sys.executable))
    return tmp_path


def options(unit: str) -> dict[str, str]:
    """Return the options of a unit's service; of an option that is repeated, the last."""
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((SYSTEMD / unit).read_text())
    return dict(parser["Service"])


def test_systemd_finds_nothing_wrong(units: Path) -> None:
    analyze = program("systemd-analyze", "apt install systemd")
    files = [units / name for name in (*SERVICES, "answerback.target")]
    assert run(analyze, "verify", "--man=no", *files, folder=units) == ""
    (units / SERVICES[0]).write_text((units / SERVICES[0]).read_text().replace("Restart=", "Restarts="))
    assert "Restarts" in run(analyze, "verify", "--man=no", units / SERVICES[0], folder=units)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_confined(service: str, units: Path) -> None:
    analyze = program("systemd-analyze", "apt install systemd")
    text = run(analyze, "security", "--offline=yes", "--no-pager", units / service, folder=units)
    (exposure,) = re.findall(r"Overall exposure level for .*: ([\d.]+)", text)
    assert float(exposure) <= 1.5, text


def test_a_stop_waits_for_the_grace_period() -> None:
    for service in SERVICES:
        found = options(service)
        assert float(found["TimeoutStopSec"]) >= Settings.load({}).grace + 10
        assert found["KillMode"] == "mixed"


def test_what_ends_is_started_again_unless_it_was_drained() -> None:
    assert [options(service)["Restart"] for service in SERVICES] == ["always", "on-failure"]
    assert all("StartLimitIntervalSec=0" in (SYSTEMD / service).read_text() for service in SERVICES)


def test_the_services_run_our_processes() -> None:
    for service in SERVICES:
        found = options(service)
        program, *arguments = found["ExecStart"].split()
        assert program == "/opt/answerback/bin/answerback"
        group, *rest = arguments
        command = cli.get_command(Context(cli), group)
        assert command
        assert command.make_context(group, rest).params["processes"] >= 1
        # What the supervisor does on this signal, and what it tells systemd.
        assert (found["ExecReload"], found["Type"]) == ("kill -HUP $MAINPID", "notify")
    worker = options(SERVICES[1])
    name, _, port = worker["Environment"].partition("=")
    settings = Settings.load({name: port.replace("%i", "1")})
    assert settings.worker_metrics_port == 9101
    assert int(options(SERVICES[0])["LimitNOFILE"]) > 2 * settings.max_connections
    target = (SYSTEMD / "answerback.target").read_text()
    assert {"answerback-ingress.service", "answerback-worker@1.service"} <= set(target.split("Wants=")[1].split())
