"""The agents of the browser's tests."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from answerback import Agent, Turn


async def helper(turn: Turn) -> AsyncIterator[str]:
    """Count as far as it is asked to, word by word."""
    for number in range(int(turn.text.split()[-1])):
        yield f"word{number} "
        await asyncio.sleep(float(os.environ.get("PACE", "0.02")))


async def moody(turn: Turn) -> str:
    """Fail until somebody has mended it."""
    if not Path(os.environ["MARKS"], "mended").exists():
        raise RuntimeError("the database of prices is away")
    return "That is 42 €."


agents = [
    Agent("helper", helper, description="Counts."),
    Agent("moody", moody, description="Fails until it is mended."),
    Agent("silent", moody, chat=False),
    Agent("nightly", moody, lifecycle="scheduled"),
    Agent("kyc", flow="examples/kyc/kyc.json"),
]
