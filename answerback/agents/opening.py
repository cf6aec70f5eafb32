"""Open a turn: its events, history and state, its journal, its stream and its replies."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from answerback.agents.agent import Agent
from answerback.agents.composer import Composer
from answerback.agents.history import history_for
from answerback.agents.journal import Journal
from answerback.agents.outcome import earlier_messages
from answerback.agents.stream import Stream
from answerback.agents.turn import Turn
from answerback.agents.turn_record import Command, ReadFile, WriteFile
from answerback.attention import Attention
from answerback.codec import decode_state
from answerback.events import Event
from answerback.messages import Message


def open_turn(
    agent: Agent,
    events: Sequence[Event],
    *,
    history: Sequence[Message],
    attempt: int,
    state: bytes,
    system: str,
    journal: Journal,
    compose: Composer,
    stream: Stream,
    attention: Attention,
    command: Command | None,
    read_file: ReadFile | None = None,
    write_file: WriteFile | None = None,
) -> Turn:
    """Return the turn in which an agent answers a thread's events.

    Args:
        history: All committed messages of the thread; the agent is given those within its limits.
        state: The agent's encoded data; b"" if it has none.
        attention: The thread's attention.
        command: A command to all agents in the event, such as mute: the event then does not reach the agent.
        system: The thread's instructions. Those of the newest event are added.
        read_file: Reads the thread's files.
        write_file: Stores the files of its replies.

    Raises:
        msgspec.MsgspecError: The state was written by a newer version.
    """
    if agent.edits == "again" and any(event.edited in ("text", "mention") for event in events):
        events, history = answered_again(events, history)
    event = events[-1]
    earlier = earlier_messages(history, events)
    turn = Turn(
        agent=agent.name,
        events=events,
        earlier=earlier,
        history=history_for(event, history, earlier, messages=agent.messages, tokens=agent.tokens),
        attempt=attempt,
        state=decode_state(state) if state else {},
        journal=journal,
        compose=compose,
        system=f"{system}\n\n{event.system}".strip() if system or event.system else "",
        stream=stream,
        attention=attention,
        read_file=read_file,
        write_file=write_file,
    )
    turn.command = command
    return turn


def answered_again(events: Sequence[Event], history: Sequence[Message]) -> tuple[Sequence[Event], Sequence[Message]]:
    """Return the edits among a turn's events marked as such, and the history without what they replace."""
    edited = {event.message for event in events if event.edited in ("text", "mention")}
    turns = {each.turn for each in history if each.role == "user" and each.message in edited}
    if not turns:
        return events, history
    marked = [
        msgspec.structs.replace(event, edited="again") if event.edited in ("text", "mention") else event
        for event in events
    ]
    kept = [
        each for each in history if not (each.turn in turns and (each.role == "assistant" or each.message in edited))
    ]
    return marked, kept
