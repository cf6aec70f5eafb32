"""How a test and its agents wait for each other, however slow either is: by files in the folder MARKS.

An agent marks what it does. It is held, for ever if need be, until the test has seen what it is there to see.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path


def mark(name: str) -> None:
    """Tell the test of something (`System.marked`)."""
    Path(os.environ["MARKS"], name).touch()


async def released(number: int = 1) -> None:
    """Wait until the test lets go on (`System.release`), once or for the `number`-th time."""
    while not Path(os.environ["MARKS"], f"released-{number}").exists():
        await asyncio.sleep(0.01)
