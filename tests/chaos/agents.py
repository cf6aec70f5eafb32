"""The agents of a chaos run: those of the fault tests, and a language model with a tool."""

from __future__ import annotations

import asyncio
import random

from answerback import Agent, Button, File, Listen, Turn, idempotent
from tests.acceptance import faulty, sabotage
from tests.acceptance.talks import label


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


async def ask(turn: Turn) -> None:
    """Reply with a button; pressed, it is answered with what it was given."""
    action = turn.event.action
    said = label(action.value if action else turn.text)
    await turn.react("eyes")
    await turn.step("look", faulty.look, said, idempotent=True)
    if action:
        await turn.reply(f"{said} pressed")
        return
    asked = await turn.reply(f"{said} one moment", actions=[Button("Yes", value=said)])
    await asked.edit(f"{said} really?", actions=[Button("Yes", value=said), Button("No", value=said)])


async def send(turn: Turn) -> None:
    """Reply with a file."""
    said = label(turn.text)
    await turn.reply(f"{said} attached", files=[File(f"{said.replace('/', '-')}.txt", said.encode())])


rich = [
    Agent("ask", ask, listen=Listen(channel="C0ASK", when=("every", "action"))),
    Agent("send", send, listen=Listen(channel="C0FILE", when=("every",))),
]

agents = [model, *rich, *faulty.agents]
