"""The agents of the browser's tests."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from answerback import Agent, Turn
from tests.acceptance.agents import EVERY, counts, drops, echo, fails, hold, recite, recites
from tests.acceptance.chatters import offers
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


async def pays(turn: Turn) -> str:
    """Charge a card; until it is mended, the response to the charge is lost."""

    async def charge() -> str:
        mark(f"charged-{time.time_ns()}")
        if not Path(os.environ["MARKS"], "mended").exists():
            raise ConnectionError("the response was lost")
        return "receipt 7"

    return f"Charged: {await turn.step('charge', charge)}"


agents = [
    Agent("careful", careful, listen=EVERY),
    Agent("fails", fails),
    Agent("helper", recite, description="Counts."),
    Agent("moody", moody, description="Fails until it is mended."),
    Agent("silent", moody, chat=False),
    Agent("pays", pays),
    Agent("nightly", moody, lifecycle="scheduled"),
    Agent("echo", echo),
    Agent("hold", hold),
    recites,
    counts,
    drops,
    Agent("offers", offers),
    Agent("kyc", flow="examples/kyc/kyc.json"),
]
