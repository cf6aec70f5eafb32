"""The agents of the fault tests: what they are told is what they do, also to their worker."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from answerback import Agent, Listen, NoEffect, Turn
from tests.acceptance import sabotage
from tests.acceptance.talks import label

SIGN = os.environ.get("AGENT_SIGN", "look")
"""The name of the first step: other code has another one."""


async def look(text: str) -> str:
    """A step that takes a moment and is safe to repeat."""
    sabotage.reach("mid-step")
    await asyncio.sleep(float(os.environ.get("STEP_SECONDS", "0.01")))
    return text


async def charge(name: str, deed: str) -> str:
    """A step that may be done only once: each time it is, a line is written. Its answer may be lost then."""
    if deed == "refuse":
        raise NoEffect("the shop is closed", retry_after=1.5)
    with Path(os.environ["CHARGES"]).open("a") as file:
        file.write(f"{name}\n")
    sabotage.reach("mid-charge")
    await asyncio.sleep(float(os.environ.get("CHARGE_SECONDS", "0")))
    if deed == "lose":
        raise ConnectionError("the answer was lost")
    return name


async def steps(turn: Turn) -> str:
    """Take two steps, and do what the text asks for in between."""
    seen = await turn.step(SIGN, look, turn.text, idempotent=True)
    await _misbehave(turn)
    await turn.step("think", look, turn.text, idempotent=True)
    return f"{label(seen)} done"


async def talk(turn: Turn) -> str:
    """Say something at once, and something else at the end."""
    await turn.reply(f"{label(turn.text)} one moment")
    await turn.step("look", look, turn.text, idempotent=True)
    return f"{label(turn.text, 1)} here it is"


async def pay(turn: Turn) -> str:
    """Do something that must not be done twice. It may be refused, or fail after its effect."""
    words = turn.text.split()
    deed = words[1] if words[1:2] != ["wait"] and len(words) > 2 and turn.attempt <= int(words[2]) else ""
    await turn.step("charge", charge, label(turn.text), deed)
    return f"{label(turn.text)} paid"


async def _misbehave(turn: Turn) -> None:
    if "PARDON" in os.environ and Path(os.environ["PARDON"]).exists():
        return  # the code was mended
    words = turn.text.split()
    deed, argument = (words[1], words[2]) if len(words) > 2 else ("", "")
    match deed:
        case "wait":
            await asyncio.sleep(float(argument))
        case "raise" if argument == "always" or turn.attempt <= int(argument):
            raise ValueError(f"attempt {turn.attempt} failed on purpose")
        case "rubbish":
            raise _Rubbish({"bytes": b"\xff", "loop": [...]}, object())
        case "kill" if argument == "always" or turn.attempt <= int(argument):
            _note("poison")
            os.kill(os.getpid(), signal.SIGKILL)
        case "block" if argument == "always" or turn.attempt <= int(argument):
            _note("block")
            while True:  # an agent that never gives the event loop back
                time.sleep(0.01)
        case "eat":
            _note("eat")
            await _eat(int(argument))


async def _eat(megabytes: int) -> None:
    """Take memory, more and more, until the system ends it."""
    taken = []
    while True:
        taken.append(bytearray(megabytes * 1_000_000))
        await asyncio.sleep(0)


def _note(what: str) -> None:
    if log := os.environ.get("SABOTAGE_LOG"):
        sabotage.note(Path(log), what, "agent", int(time.time() * 1000))
    sys.stderr.flush()


class _Rubbish(Exception):
    """An exception that cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError("not even this")


async def rubbish(turn: Turn) -> object:
    """Return what is no text."""
    return {"a": object()}


agents = [
    Agent(
        "talk",
        talk,
        listen=[
            Listen(channel=place, when=("every",))
            for place in ("acme/talk", "C0TALK", "talk", "+15005550010", "-1002000000002", "106500000000002")
        ],
    ),
    Agent("pay", pay, listen=[Listen(channel=place, when=("every",)) for place in ("acme/pay", "C0PAY", "pay")]),
    Agent(
        "rubbish",
        rubbish,
        listen=Listen(channel="rubbish", when=("every",)),
    ),
    Agent("hasty", steps, listen=Listen(channel="hasty", when=("every",)), timeout=1),
    Agent("steps", steps, listen=Listen(when=("every",))),
]
