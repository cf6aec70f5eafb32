"""An agent whose steps have other names in each version of its code, and are counted outside of it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from answerback import Agent, Listen, Turn
from tests.acceptance.marks import mark, released

VERSION = os.environ.get("CODE", "one")
EVERY = Listen(when=("every",))


def pay(what: str) -> None:
    """Note that something was done that costs money."""
    with Path(os.environ["MARKS"], "paid").open("a") as file:
        file.write(f"{what}\n")


async def several(turn: Turn) -> str:
    """Take three steps, and fail once after the first of them if the message says so."""
    for number in range(3):

        async def ask(number: int = number) -> str:
            pay(f"{turn.text} {number}")
            await asyncio.sleep(0.15)
            return VERSION

        await turn.step(f"ask with {VERSION}", ask, idempotent=True)
        if number == 0 and turn.attempt == 1 and "fail" in turn.text:
            raise RuntimeError("as asked")
    return VERSION


async def held(turn: Turn) -> str:
    """Take a step that may be repeated, or one that may not, and wait to be released."""

    async def work() -> str:
        pay(f"{turn.text} {VERSION}")
        return VERSION

    await turn.step(f"work with {VERSION}", work, idempotent="once" not in turn.text)
    mark(f"began-{turn.text.replace(' ', '-')}-{VERSION}-{turn.attempt}")
    await released()
    return VERSION


several_agents = Agent("several", several, listen=EVERY)
held_agents = Agent("held", held, listen=EVERY)


async def quick(turn: Turn) -> str:
    """Answer at once."""
    return "quick"


pair = [
    Agent("slow", held, listen=Listen("standard", "slow", when=("every",))),
    Agent("quick", quick, listen=EVERY),
]
