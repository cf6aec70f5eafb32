"""`python -m tests.acceptance.tardy worker`: the real program, which tells of itself a second late."""

from __future__ import annotations

import asyncio
import runpy
import sys
from unittest.mock import patch

from answerback.store import Roster, WorkerReport

_report = Roster.report


async def _late(roster: Roster, report: WorkerReport) -> None:
    await asyncio.sleep(1)
    await _report(roster, report)


if __name__ == "__main__":
    with patch.object(Roster, "report", _late):
        runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
