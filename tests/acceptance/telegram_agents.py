"""An agent whom people in Telegram write to, press, command, and react to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from answerback import Agent, Button, File, Listen, Turn


async def clerk(turn: Turn) -> str | None:
    """Say what was done; asked to, ask with a button, send files, edit, react."""
    action = turn.event.action
    if action is not None:
        return f"{action.type} {action.name}: {action.value}"
    if turn.attachments:
        return ", ".join([f"{file.name} {len(await turn.read(file))}" for file in turn.attachments])
    match turn.text.split()[-1]:
        case "ask":
            await turn.reply("Deploy?", actions=[Button("Yes", value="42", name="approve")])
        case "files":
            await turn.reply("Here", files=[File("a.txt", b"one"), File("b.txt", b"two")])
        case "edit":
            sent = await turn.reply("first")
            await sent.edit("second")
            await turn.react("eyes")
        case "history":
            return " | ".join(message.text for message in turn.history)
        case _:
            return f"**{turn.text}**"
    return None


async def essay(turn: Turn) -> AsyncIterator[str]:
    """Write in pieces, and take one's time."""
    for number in range(3):
        yield f"word{number} "
        await asyncio.sleep(0.5)


LISTEN = Listen("telegram", when=("mention", "direct", "action", "reaction"))
agents = [
    Agent("essay", essay, listen=Listen("telegram", "77", when=("direct",)), streaming=True),
    Agent("clerk", clerk, listen=LISTEN),
]
