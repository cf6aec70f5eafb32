"""An agent that is a language model, with tools whose calls are seen from outside.

In a module of its own: what models need takes a worker seconds to import.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic_ai import RunContext

from answerback import Agent, Listen, Turn, idempotent
from tests.acceptance.marks import mark, released


async def look_up(topic: str) -> str:
    """Look something up: seen from outside, and not before it is released."""
    _mark(f"look_up-{topic}")
    await released()
    return f"all about {topic}"


@idempotent
async def order(ctx: RunContext[Turn], item: str) -> str:
    """Order something, with the key under which the shop knows the order."""
    _mark(f"order-{item}-{ctx.deps.key.replace(':', '_').replace('>', '_').replace('#', '_')}")
    await released()
    return f"ordered {item}"


def _mark(name: str) -> None:
    """Tell how often this was done."""
    mark(f"{name}.{len(list(Path(os.environ['MARKS']).glob(f'{name}.*')))}")


model = Agent(
    "model",
    model=os.environ.get("MODEL", "openai-chat:standin"),
    instructions="Answer briefly.",
    tools=[look_up, order],
    listen=Listen(when=("every",)),
)
