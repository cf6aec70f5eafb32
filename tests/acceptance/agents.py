"""The agents of the acceptance tests."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from answerback import Agent, Listen, Turn

EVERY = Listen(when=("every",))


async def echo(turn: Turn) -> str:
    """Say what was said."""
    return f"echo: {turn.text}"


async def count(turn: Turn) -> str:
    """Say how many messages of people came before: wrong as soon as the order is."""
    return str(sum(message.role == "user" for message in turn.history))


async def slow(turn: Turn) -> str:
    """Tell that the work has begun, and take a while."""
    Path(os.environ["MARKS"], f"{turn.id}-{turn.attempt}").touch()
    await asyncio.sleep(float(os.environ.get("SLOW", "3")))
    return f"slow: {turn.text} (attempt {turn.attempt})"


async def fails(turn: Turn) -> str:
    """Fail as often as the text says; "always" fails always."""
    times = turn.text.split()[-1]
    if times == "always" or turn.attempt <= int(times):
        raise ValueError(f"attempt {turn.attempt} of {turn.text!r} failed on purpose")
    return f"ok after {turn.attempt}"


async def talkative(turn: Turn) -> str:
    """Say something at once, and something else at the end."""
    await turn.reply("one moment")
    return "here it is"


echoes = Agent("echo", echo, listen=EVERY)
counts = Agent("count", count, listen=EVERY, messages=1_000)
slows = Agent("slow", slow, listen=EVERY)
failing = Agent("fails", fails, listen=EVERY)
talks = Agent("talkative", talkative, listen=EVERY)
addressed = Agent("echo", echo)


async def recite(turn: Turn) -> AsyncIterator[str]:
    """Say a long text word by word: so many words as the text says, "PACE" seconds each."""
    count = int(turn.text.split()[-1])
    for number in range(count):
        yield f"word{number} "
        Path(os.environ["MARKS"], f"{turn.id}-{number}").touch()
        await asyncio.sleep(float(os.environ.get("PACE", "0.02")))


async def gathers(turn: Turn) -> str:
    """Say what was said, all of it, after a while."""
    Path(os.environ["MARKS"], f"{turn.text.split()[0]}").touch()
    await asyncio.sleep(float(os.environ.get("SLOW", "0.5")))
    return " + ".join(event.text for event in turn.events)


recites = Agent("recite", recite, listen=EVERY)
merges = Agent("merge", gathers, listen=EVERY, arrival="merge")
debounces = Agent("debounce", gathers, listen=EVERY, arrival="debounce", quiet=0.4)
interrupts = Agent("interrupt", gathers, listen=EVERY, arrival="interrupt")
drops = Agent("drop", gathers, listen=EVERY, arrival="drop")
