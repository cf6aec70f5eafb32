"""A blocked event loop is reported while it is blocked, and counted."""

from __future__ import annotations

import asyncio
import bdb
import time
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from worker import watchdog
from worker.watchdog import Watchdog


class Reports:
    """Stands for the heartbeat: takes the reports, and whether the loop was blocked at the time."""

    def __init__(self) -> None:
        self.blocked = False
        self.seen: list[tuple[str, bool]] = []

    def report_blocked(self, by: str) -> None:
        self.seen.append((by, self.blocked))


def counts() -> tuple[float, float]:
    """How often and how long the loop was blocked, as counted so far."""
    names = ("answerback_event_loop_blocks_total", "answerback_event_loop_blocked_seconds_total")
    first, second = (REGISTRY.get_sample_value(name) or 0.0 for name in names)
    return first, second


class NoTurns:
    def executing(self) -> tuple[str, str]:
        return "", ""


async def test_a_block_is_logged_with_its_stack_while_it_lasts_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "TICK", 0.02)
    monkeypatch.setattr(watchdog, "BLOCKED", 0.2)
    reports: Any = Reports()
    no_turns: Any = NoTurns()
    watched = Watchdog(no_turns, reports)
    blocks, seconds = counts()
    keeping = asyncio.create_task(watched.keep())
    await asyncio.sleep(0)
    with capture_logs() as logged:
        reports.blocked = True
        deadline = time.monotonic() + 20
        while not reports.seen and time.monotonic() < deadline:
            time.sleep(0.01)  # what an agent must not do
        reports.blocked = False
        async with asyncio.timeout(20):
            while counts()[1] == seconds:
                await asyncio.sleep(0.01)
    keeping.cancel()
    place, meanwhile = reports.seen[0]
    assert place.startswith("test_watchdog.py:")
    assert meanwhile
    assert counts()[0] == blocks + 1
    [warning] = [line for line in logged if line["event"] == "event loop blocked"]
    assert warning["log_level"] == "warning"
    assert "time.sleep(0.01)" in warning["stack"]


async def test_a_debugger_is_reported_but_neither_logged_nor_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "TICK", 0.02)
    monkeypatch.setattr(watchdog, "BLOCKED", 0.2)
    reports: Any = Reports()
    no_turns: Any = NoTurns()
    watched = Watchdog(no_turns, reports)
    before = counts()
    keeping = asyncio.create_task(watched.keep())
    await asyncio.sleep(0)

    class Prompt(bdb.Bdb):
        def user_line(self, frame: FrameType) -> None:
            deadline = time.monotonic() + 20
            while not reports.seen and time.monotonic() < deadline:
                time.sleep(0.01)  # as the prompt waits for a command
            self.set_quit()

    with capture_logs() as logged:
        with suppress(bdb.BdbQuit):
            Prompt().runcall(lambda: None)
        await asyncio.sleep(0.1)
    keeping.cancel()
    assert reports.seen[0][0].startswith("a debugger, test_watchdog.py:")
    assert (counts(), logged) == (before, [])
