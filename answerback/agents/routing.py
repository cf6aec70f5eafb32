"""Routing: chooses the agent that answers an event."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from answerback.agents.agent import Agent
from answerback.agents.commands import command_in
from answerback.agents.turn_record import Command
from answerback.attention import Attention
from answerback.events import Event
from answerback.messages import Identity, Message


def route(
    agents: Sequence[Agent],
    event: Event,
    *,
    identity: Identity | None,
    last: str,
    attention: Attention = "default",
    poster: str = "",
) -> Agent | None:
    """Return the agent that answers `event`: the one it names, if this worker runs it.

    A pressed button is for the agent that posted it (`poster`, "" if that is not known), and for no other.

    If it names none, return the thread's agent (`last` to answer in it) if it listens to this event, else the first
    agent that does. In a chat, which is always addressed to the agents, it is otherwise the first agent that accepts
    chats. The agents' own messages are routed to no agent, and in a muted thread only mentions are answered.
    """
    if event.answered:
        return None
    if event.agent:
        return next((agent for agent in agents if agent.name == event.agent), None)
    if identity is not None and identity.wrote(event.identities):
        return None
    if poster:
        return next((agent for agent in agents if agent.name == poster), None)
    if event.action and event.action.to and identity is not None and event.action.to not in identity.mentions:
        return None
    mentioned = is_mentioned(event, identity)
    if event.edited == "text" or (event.edited == "mention" and not mentioned):
        return None
    if attention == "muted" and not mentioned and event.platform != "chat":
        return None
    previous = [agent for agent in agents if agent.name == last]
    for agent in (*previous, *agents):
        if agent.hears(event, mentioned=mentioned, answered=agent.name == last, subscribed=attention == "subscribed"):
            return agent
    if event.platform == "chat":
        return next((agent for agent in (*previous, *agents) if agent.chat), None)
    return None


def is_mentioned(event: Event, identity: Identity | None) -> bool:
    """Return whether an event mentions the account that the agents post with, assigns it or requests its review."""
    if event.mentioned or identity is None:
        return event.mentioned
    names = event.mentions
    if event.action and event.action.type in ("assigned", "review_requested"):
        names = (event.action.name,)
    return any(name.lower() in identity.mentions for name in names)


def thread_command(agent: Agent, event: Event, identity: Identity | None) -> Command | None:
    """Return the command of a person in an event that `agent` answers; None if the agent itself is to answer it."""
    if not agent.commands or event.action or event.author.kind == "bot" or not is_mentioned(event, identity):
        return None
    command = command_in(event.text)
    if command in ("subscribe", "unsubscribe") and not agent.listens_to_subscribed(event):
        return None
    return command


def why_unanswered(agents: Sequence[Agent], event: Event, *, own: bool, muted: bool = False) -> str:
    """Return why no agent answers an event, in words that its sender may read.

    Args:
        own: Whether the message is one of the agents' own.
        muted: Whether its thread is muted.
    """
    if own:
        return "an agent wrote this message"
    if event.action and overheard(agents, event):
        return f"no agent listens to actions of this kind: {event.action.type}"
    if event.answered:
        return "a person has answered it before it reached the agents"
    if event.edited:
        return "an edit is answered if it adds a mention, and only once"
    if event.platform == "chat":
        return "no agent accepts chat messages"
    if muted:
        return "the thread is muted: only mentions are answered"
    place = f"{event.platform} {event.channel}".strip()
    if overheard(agents, event):
        return f"the agents that listen to {place} answer only what is addressed to them, and this message is not"
    return f"no agent listens to {place}"


def answered_before(history: Sequence[Message], event: Event) -> bool:
    """Return whether the event's message was answered before, in its original form or after an edit."""
    turns = {each.turn for each in history if each.role == "user" and each.message == event.message}
    return any(each.role == "assistant" and each.turn in turns for each in history)


def route_edit(
    agents: Sequence[Agent],
    event: Event,
    history: Sequence[Message],
    *,
    identity: Identity | None,
    attention: Attention,
) -> Agent | None:
    """Return the agent that answered a message, if it receives this edit of it, or answers it again."""
    if not event.is_edit or (identity is not None and identity.wrote(event.identities)):
        return None
    if attention == "muted" and not is_mentioned(event, identity):
        return None
    turns = {each.turn for each in history if each.role == "user" and each.message == event.message}
    name = next((each.agent for each in reversed(history) if each.role == "assistant" and each.turn in turns), "")
    return next((each for each in agents if each.name == name and each.edits != "ignore" and each.covers(event)), None)


def overheard(agents: Sequence[Agent], event: Event) -> bool:
    """Return whether an agent listens in this place: then the message belongs to the history, answered or not."""
    return any(agent.covers(event) for agent in agents)


def joins(
    event: Event, agent: Agent, answers: Callable[[Event], Agent | None], *, identity: Identity | None = None
) -> bool:
    """Return whether the turn in which `agent` answers earlier events answers this one, too."""
    if event.arrival == "queue" or answers(event) is not agent:
        return False
    return thread_command(agent, event, identity) is None
