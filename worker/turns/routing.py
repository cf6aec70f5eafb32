"""Which agent an event is for."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.agents import Agent
from answerback.messages import Event, Identity
from answerback.store import Claim


def route(agents: Sequence[Agent], event: Event, *, identity: Identity | None, last: str) -> Agent | None:
    """The agent that answers `event`: the one it is said to, if we have it.

    Where it is said to none, the thread's own (`last` answered in it) if it hears it, else the first to. What we
    said ourselves is for nobody.
    """
    if event.agent:
        return next((agent for agent in agents if agent.name == event.agent), None)
    if identity is not None and identity.wrote(event.identities):
        return None
    mentioned = event.mentioned or (
        identity is not None and any(name.lower() in identity.mentions for name in event.mentions)
    )
    if event.edited == "mention" and not mentioned:
        return None
    ours = [agent for agent in agents if agent.name == last]
    for agent in (*ours, *agents):
        if agent.hears(event, mentioned=mentioned, answered=agent.name == last):
            return agent
    return None


def answered_before(claim: Claim, event: Event) -> bool:
    """Whether an event's message was answered before: as it was first written, or as an edit of it."""
    turns = {each.turn for each in claim.history if each.role == "user" and each.message == event.message}
    return any(each.role == "assistant" and each.turn in turns for each in claim.history)


def overheard(agents: Sequence[Agent], event: Event) -> bool:
    """Whether an agent listens where this was said: then it belongs to the history, answered or not."""
    return any(agent.covers(event) for agent in agents)
