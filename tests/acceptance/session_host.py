"""A program that runs turns of one session as a library: `WHO` it is, and the `TEXTS` that it sends."""

from __future__ import annotations

import asyncio
import os

from answerback import Agent, RedisSessions, SessionWorker, Turn
from tests.acceptance.marks import mark, released


async def count(turn: Turn) -> str:
    """Count the turns. "hold" does not end before it is released."""
    turn.state["number"] = turn.state.get("number", 0) + 1
    if turn.text == "hold":
        mark("holding")
        await released()
    return str(turn.state["number"])


async def main() -> None:
    """Hold the session while all texts are answered."""
    store = RedisSessions(os.environ["REDIS_URL"], lease=1)
    async with (
        SessionWorker(Agent("count", count), store=store, wait=60) as worker,
        worker.acquire("customer 7") as session,
    ):
        for text in os.environ["TEXTS"].split():
            mark(f"{os.environ['WHO']}-{text}-{await session.turn(text)}")


if __name__ == "__main__":
    asyncio.run(main())
