"""`python -m tests.acceptance.tardy worker`: the real program, which tells of itself a second late."""

from __future__ import annotations

import asyncio
import runpy
import sys
from unittest.mock import patch

from answerback.store.fleet.workers import WorkerRegistry, WorkerReport

_report = WorkerRegistry.report


async def _late(roster: WorkerRegistry, report: WorkerReport) -> None:
    await asyncio.sleep(1)
    await _report(roster, report)


if __name__ == "__main__":
    with patch.object(WorkerRegistry, "report", _late):
        runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
