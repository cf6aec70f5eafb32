"""How many tests run at once."""

from __future__ import annotations

import os


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: one more than there are cores, since many tests wait for processes most of the time."""
    return (os.cpu_count() or 1) + 1
