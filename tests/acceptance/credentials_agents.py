"""An agent that answers everywhere, in each thread by itself."""

from __future__ import annotations

from answerback import Agent, Listen, Turn


async def say(turn: Turn) -> str:
    """Say how much was said before, and what is said now."""
    return f"{len(turn.history) // 2} before: {turn.text}"


agents = [Agent("say", say, listen=Listen(when=("direct",)))]
