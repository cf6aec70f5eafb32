"""The demo agent: needs no model and no key, and shows that the thread is remembered."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from answerback.agents.agent import Agent
from answerback.agents.listen import Listen
from answerback.agents.turn import Turn


async def demo(turn: Turn) -> AsyncIterator[str]:
    """Answer offline with what the thread's history holds."""
    for word in re.findall(r"\s*\S+", answer(turn)):
        yield word


def answer(turn: Turn) -> str:
    """Return the reply to a turn."""
    number = sum(message.role == "user" for message in turn.history) + len(turn.events)
    name = turn.event.author.name or turn.event.author.id
    words = len(turn.text.split())
    if number == 1:
        return f"Hello {name}. This is the first message of this thread, {words} word{'s' * (words != 1)} long."
    before = next(message.text for message in reversed(turn.history) if message.role == "user")
    quote = before if len(before) <= 60 else before[:59] + "…"
    return f"Message {number} of this thread, {name}. Before it you said: “{quote}”"


agent = Agent("demo", demo, description="Answers offline from the thread's history.", listen=Listen(when=("every",)))
