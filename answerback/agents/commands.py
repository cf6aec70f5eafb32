"""What people can tell every agent in a thread: `@name mute`, `unmute`, `subscribe`, `unsubscribe`."""

from __future__ import annotations

import re
from typing import cast

from answerback.agents.turn import Turn
from answerback.agents.turn_record import Command

_COMMAND = re.compile(r"\s*(?:@\S+|<@[^>\s]+>)[\s,:]+(mute|unmute|subscribe|unsubscribe)\s*[.!]?\s*", re.IGNORECASE)
"""A mention, also in Slack's form, and one of the words."""


def command_in(text: str) -> Command | None:
    """Return the command that a text consists of; None if it is anything else."""
    match = _COMMAND.fullmatch(text)
    return cast("Command", match[1].lower()) if match else None


async def obey(turn: Turn, command: Command) -> str:
    """Change the attention of a turn's thread. Return the reply."""
    match command:
        case "mute":
            await turn.mute()
            return "Muted: in this thread I answer only when I am mentioned."
        case "unmute":
            await turn.unmute()
            return "Unmuted: I answer in this thread as usual."
        case "subscribe":
            await turn.subscribe()
            return "Subscribed: I answer every message in this thread."
        case "unsubscribe":
            await turn.unsubscribe()
            return "Unsubscribed: I answer in this thread as usual."
