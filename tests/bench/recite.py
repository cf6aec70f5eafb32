"""An agent whose every word is the moment in which it was said."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator

from answerback import Agent, Listen, Turn

EVERY = Listen(when=("every",))


async def recite(turn: Turn) -> AsyncIterator[str]:
    """One word a second, for as many seconds as the message says."""
    await asyncio.sleep(random.random())
    for _ in range(int(turn.text)):
        yield f"{time.monotonic_ns()} "
        await asyncio.sleep(1)


async def noop(turn: Turn) -> str:
    """Say one word."""
    return "done"


agents = [Agent("recite", recite, listen=EVERY, timeout=3600), Agent("noop", noop, listen=EVERY)]
