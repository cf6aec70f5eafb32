"""An agent that is a language model, with tools whose calls are seen from outside.

In a module of its own: what models need takes a worker seconds to import.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from pydantic_ai import RunContext

from answerback import Agent, Listen, Turn, idempotent


async def look_up(topic: str) -> str:
    """Look something up: slow, and seen from outside."""
    _mark(f"look_up-{topic}")
    await asyncio.sleep(float(os.environ.get("SLOW", "0")))
    return f"all about {topic}"


@idempotent
async def order(ctx: RunContext[Turn], item: str) -> str:
    """Order something, with the key under which the shop knows the order."""
    _mark(f"order-{item}-{ctx.deps.key.replace(':', '_').replace('>', '_').replace('#', '_')}")
    await asyncio.sleep(float(os.environ.get("SLOW", "0")))
    return f"ordered {item}"


def _mark(name: str) -> None:
    """Leave a file that tells how often this was done."""
    folder = Path(os.environ["MARKS"])
    (folder / f"{name}.{len(list(folder.glob(f'{name}.*')))}").touch()


model = Agent(
    "model",
    model=os.environ.get("MODEL", "openai-chat:standin"),
    instructions="Answer briefly.",
    tools=[look_up, order],
    listen=Listen(when=("every",)),
)
