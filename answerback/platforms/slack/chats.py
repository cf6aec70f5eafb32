"""A direct chat as one thread, for agents that have it so: its messages that belong to no other message's thread."""

from __future__ import annotations

from answerback.events import Address, Conversation


def conversation(team: str, channel: str, address: Address | None = None) -> Conversation:
    """Return the whole chat. Its thread id has no `ts`, nor has the address, which is `address` without its thread."""
    kept = {name: value for name, value in (address or {}).items() if name != "thread_ts"}
    return Conversation(f"slack:{team}:{channel}", kept or {"team": team, "channel": channel})
