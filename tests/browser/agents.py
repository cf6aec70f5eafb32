"""The agents of the browser's tests."""

from __future__ import annotations

import os
from pathlib import Path

from answerback import Agent, Turn
from tests.acceptance.agents import echo, hold, recite


async def moody(turn: Turn) -> str:
    """Fail until somebody has mended it."""
    if not Path(os.environ["MARKS"], "mended").exists():
        raise RuntimeError("the database of prices is away")
    return "That is 42 €."


agents = [
    Agent("helper", recite, description="Counts."),
    Agent("moody", moody, description="Fails until it is mended."),
    Agent("silent", moody, chat=False),
    Agent("nightly", moody, lifecycle="scheduled"),
    Agent("echo", echo),
    Agent("hold", hold),
    Agent("kyc", flow="examples/kyc/kyc.json"),
]
