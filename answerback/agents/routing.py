"""Routing: chooses the agent that answers an event."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from answerback.agents.agent import Agent
from answerback.events import Event
from answerback.messages import Identity, Message


def route(agents: Sequence[Agent], event: Event, *, identity: Identity | None, last: str) -> Agent | None:
    """Return the agent that answers `event`: the one it names, if we have it.

    If it names none, return the thread's agent (`last` to answer in it) if it listens to this event, else the first
    agent that does. Our own messages are routed to no agent.
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
    previous = [agent for agent in agents if agent.name == last]
    for agent in (*previous, *agents):
        if agent.hears(event, mentioned=mentioned, answered=agent.name == last):
            return agent
    return None


def answered_before(history: Sequence[Message], event: Event) -> bool:
    """Return whether the event's message was answered before, in its original form or after an edit."""
    turns = {each.turn for each in history if each.role == "user" and each.message == event.message}
    return any(each.role == "assistant" and each.turn in turns for each in history)


def overheard(agents: Sequence[Agent], event: Event) -> bool:
    """Return whether an agent listens in this place: then the message belongs to the history, answered or not."""
    return any(agent.covers(event) for agent in agents)


def joins(event: Event, agent: Agent, answers: Callable[[Event], Agent | None]) -> bool:
    """Return whether the turn in which `agent` answers earlier events answers this one, too."""
    return answers(event) is agent and event.arrival != "queue"
