"""A short `make chaos`: all kinds of faults at once, and every promise kept."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.chaos.__main__ import table
from tests.chaos.run import run


@pytest.mark.long
async def test_two_hundred_events_through_all_kinds_of_faults(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED") or random.randrange(1_000_000))
    result = await run(tmp_path, 200, seed, 11)
    assert result.good, table(result)
    assert sum(result.faults.values()) >= 8, table(result)
