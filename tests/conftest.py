"""How many tests run at once, and what cannot run here."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.browser.chromium import CHROMIUM

if TYPE_CHECKING:
    from tests.topologies.shared import SharedServers

# How long an example takes, or finding one, says more about the machine than about us.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: three for each core, since many tests wait for processes most of the time."""
    return 3 * (os.cpu_count() or 1)


def pytest_configure(config: pytest.Config) -> None:
    """For all tests at once, let those who run them share the process that forks ours."""
    if config.option.__dict__.get("tx") and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        from tests.forks import share

        share()


def pytest_collection() -> None:
    """Collect tests, not garbage: what is read now stays until the end."""
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each process begin with some of the tests that take longest: at the end, all others would wait for one."""
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    size = -(-len(others) // count)
    items[:] = [
        item for number in range(count) for item in (*long[number::count], *others[number * size : (number + 1) * size])
    ]


def pytest_collection_finish() -> None:
    """From here on, what the tests leave is looked at, and nothing else."""
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was left out, and how long took what is timed."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "seconds" and report.when == "teardown":
                terminalreporter.write_line(f"{report.nodeid}: {value} s")
    if not CHROMIUM:
        terminalreporter.write_line("SKIPPED: the dashboard and the widget, for there is no chromium here")


@pytest.fixture(scope="session")
def shared_servers() -> Iterator[SharedServers]:
    """Masters with Sentinels, and Clusters."""
    from tests.topologies.shared import SharedServers  # loads certificates, which most tests do not need

    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        servers = SharedServers(Path(folder))
        try:
            yield servers
        finally:
            servers.stop()
