"""The agents that the tests of the chat API talk to, all in one worker."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

from answerback import Agent, Button, Document, Select, Turn
from answerback.messages import Usage
from tests.acceptance.agents import addressed, counts, drops, failing, recites
from tests.acceptance.marks import released


async def shows(turn: Turn) -> str:
    """Say all that there is to know of a turn, a line each."""
    said = [f"{message.role}: {message.text}" for message in turn.history]
    attached = [f"{a.name} ({a.content_type}): {a.text or repr(await turn.read(a))}" for a in turn.attachments]
    turn.usage = Usage(input_tokens=3, output_tokens=4, requests=1)
    return "\n".join([f"system: {turn.system}", *said, *attached, f"now: {turn.text}"])


async def knows(turn: Turn) -> str:
    """Say what it finds."""
    return "; ".join(document.source for document in await turn.retrieve(turn.text))


async def twice(turn: Turn) -> str:
    """Say two things."""
    await turn.reply("one")
    return "two"


async def breaks(turn: Turn) -> AsyncIterator[str]:
    """Say something, and fail."""
    yield "so far "
    raise ValueError("broken on purpose")


async def restless(turn: Turn) -> AsyncIterator[str]:
    """Fail in the middle, and say it in other words then."""
    yield f"at try {turn.attempt} "
    if turn.attempt == 1:
        raise ValueError("broken on purpose")
    yield "it went well"


async def offers(turn: Turn) -> str:
    """Offer a choice, and say what was chosen."""
    action = turn.event.action
    if action is not None:
        await released()
        return f"{turn.text}: {action.type} {action.name} {action.value}"
    turn.progress("Looking for shirts…")
    options = (("Small", "s"), ("Large", "l"))
    site = Button("Our shop", url="https://example.com/shop")
    asked = await turn.reply("Which?", actions=[Button("None", value="no", style="danger")])
    await asked.edit("Which one?", actions=[Button("None", value="0"), Select("size", options, "Size"), site])
    return "Choose."


chatters = [
    addressed,
    counts,
    recites,
    failing,
    drops,
    Agent("shows", shows, description="Shows what it is given."),
    Agent("knows", knows, knowledge=[Document(source="hours", text="# Shop\nWe open at nine.")]),
    Agent("twice", twice, description="Says two things."),
    Agent("offers", offers),
    Agent("breaks", breaks),
    Agent("restless", restless),
    Agent("platforms-only", shows, chat=False),
]
if url := os.environ.get("REMOTE"):
    chatters.append(Agent("elsewhere", remote=url, bearer_token=os.environ.get("REMOTE_TOKEN")))
