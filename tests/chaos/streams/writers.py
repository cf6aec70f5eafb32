"""Agents that write in pieces: other words in each attempt, and every word only once."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from collections.abc import AsyncIterator, Iterator

from answerback import Agent, Listen, Turn

PLACES = {"slack": "C0WRITE", "github": "acme/write"}
_ORDER = re.compile(r"write (\d+) in ([\d.]+) s(?:, (\w+))?")
_SPICE = (
    "<!channel>",
    "<!subteam^S012|@team>",
    "**bold**",
    "`code`",
    "\n\n- item",
    "\n\n> quoted",
    "\n\n",
    "\n",
    "@acme/all",
)
_FENCE = "\n\n```python\n{}\n```\n\n"

attempts = itertools.count(1)


def words(length: int, name: str, dice: random.Random) -> Iterator[str]:
    """Words of about that many characters in all, each with its number and the attempt's."""
    written, attempt = 0, f"{next(attempts)}x{dice.randrange(10**6)}"
    for number in itertools.count():
        word = f"{name}w{number}a{attempt} "
        if dice.random() < 0.08:
            word += dice.choice(_SPICE) + " "
        if dice.random() < 0.01:
            lines = "\n".join(f"    line {number}.{line} = {attempt}" for line in range(dice.randrange(1, 12)))
            word += _FENCE.format(lines)
        if dice.random() < 0.1:
            word = word.rstrip() + ". "
        written += len(word)
        yield word
        if written >= length:
            return


async def write(turn: Turn) -> AsyncIterator[str]:
    """Write as the message says."""
    found = _ORDER.search(turn.text)
    assert found is not None, turn.text
    dice = random.Random()
    length, seconds, deed = int(found[1]), float(found[2]), found[3] or ""
    pieces = list(words(length, "", dice))
    pause = seconds / len(pieces)
    if deed == "reply":
        await turn.reply("".join(words(200, "", dice)))
    if deed == "call":
        turn.stream.tool_call("t1", "search_orders", {})
    slept = 0.0
    for number, piece in enumerate(pieces):
        if number == len(pieces) // 2:
            if deed == "call":
                turn.stream.tool_result("t1", "search_orders", "none", "done")
            if deed in ("fail", "fails") and (deed == "fails" or turn.attempt == 1 or dice.random() < 0.3):
                raise RuntimeError("the writer has lost the thread")
            if deed == "step":
                await turn.step("look", _look, idempotent=True)
        yield piece
        slept += pause
        if slept > 0.01:
            await asyncio.sleep(slept)
            slept = 0.0


async def _look() -> str:
    await asyncio.sleep(0.01)
    return "found"


async def rewrite(turn: Turn) -> str | None:
    """Write, think again, and say something else in the end, or nothing."""
    found = _ORDER.search(turn.text)
    assert found is not None, turn.text
    dice = random.Random()
    text = ""
    for piece in words(int(found[1]), "", dice):
        text += piece
        turn.show(text)
        if dice.random() < 0.02:
            text = ""
        await asyncio.sleep(0.01)
    if found[3] == "silent":
        return None
    if found[3] == "replies":
        await turn.reply(text or "at last")
        turn.write("and one more thing is")
        await asyncio.sleep(dice.random() / 3)
        return "and one more thing is all " + "".join(words(60, "", dice))
    return "".join(words(int(found[1]) // 2, "", dice))


def _heard(name: str) -> list[Listen]:
    channels = {"slack": f"C0{name.upper()}", "github": f"acme/{name}"}
    return [Listen(platform=platform, channel=channel, when=("every",)) for platform, channel in channels.items()]


agents = [
    Agent("write", write, listen=_heard("write"), streaming=True),
    Agent("rewrite", rewrite, listen=_heard("rewrite"), streaming=True),
]
