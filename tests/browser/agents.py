"""The agents of the browser's tests."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from answerback import Agent, Turn
from tests.acceptance.agents import EVERY, echo, fails, hold, recite
from tests.acceptance.marks import mark, released


async def moody(turn: Turn) -> str:
    """Fail until somebody has mended it."""
    if not Path(os.environ["MARKS"], "mended").exists():
        raise RuntimeError("the database of prices is away")
    return "That is 42 €."


async def careful(turn: Turn) -> str:
    """Weigh, count and ask, until released; say how heavy it is."""

    async def held() -> bool:
        mark("held")
        await released()
        return True

    weight = await turn.step("weigh", lambda: asyncio.sleep(0, 240))
    await turn.step("count", lambda: asyncio.sleep(0, ["oak", "ash"]))
    await turn.step("ask", held)
    return f"It is **heavy**:\n\n| kg |\n|---|\n| {weight} |"


agents = [
    Agent("careful", careful, listen=EVERY),
    Agent("fails", fails),
    Agent("helper", recite, description="Counts."),
    Agent("moody", moody, description="Fails until it is mended."),
    Agent("silent", moody, chat=False),
    Agent("nightly", moody, lifecycle="scheduled"),
    Agent("echo", echo),
    Agent("hold", hold),
    Agent("kyc", flow="examples/kyc/kyc.json"),
]
