"""The agents of a chaos run: those of the fault tests, and a language model with a tool."""

from __future__ import annotations

import asyncio
import random

from answerback import Agent, Listen, idempotent
from tests.acceptance import faulty, sabotage


@idempotent
async def find(topic: str) -> str:
    """Find something: takes a moment, and may be done again."""
    sabotage.reach("mid-step")
    await asyncio.sleep(random.uniform(0, 0.05))
    return f"all about {topic}"


model = Agent(
    "model",
    model="openai-chat:standin",
    instructions="Answer briefly.",
    tools=[find],
    listen=[Listen(channel=place, when=("every",)) for place in ("acme/model", "C0MODEL", "model")],
)

agents = [model, *faulty.agents]
