"""Opens a turn: its events and history, its journal, its stream and its replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from answerback.agents import Agent, Turn
from answerback.agents.history import window
from answerback.agents.journal import Journal
from answerback.agents.limits import TurnLimits
from answerback.codec import decode_state
from answerback.messages import Message
from answerback.platforms import Client
from answerback.replies import Reply
from answerback.store.threads.records import Claim, Step
from answerback.store.threads.threads import Threads

from ..claiming.leases import Leases
from ..retry import retry_while_unavailable
from .outcome import already_in_history, composer
from .stream_writer import NULL_STREAM, StreamWriter


class TurnOpener:
    """Opens the turns that agents are given."""

    def __init__(self, threads: Threads, leases: Leases, clients: Mapping[str, Client], limits: TurnLimits) -> None:
        self._threads = threads
        self._leases = leases
        self._clients = clients
        self._limits = limits

    def open(self, claim: Claim, agent: Agent) -> Turn:
        """Return the turn that answers a claim's events.

        Raises:
            msgspec.MsgspecError: the journal or the agent's state was written by a newer version.
        """

        async def write(name: str, record: bytes, replies: Sequence[Reply]) -> None:
            step = Step(claim.thread, claim.fence, claim.owner, claim.position, name, record, replies)
            await retry_while_unavailable(self._threads.step, step)

        events = claim.events
        event = events[-1]
        records = {name: record for entry in claim.entries for name, record in entry.journal.items()} | claim.journal
        return Turn(
            agent=agent.name,
            events=events,
            history=_history(claim, agent),
            attempt=claim.attempt,
            state=decode_state(claim.state) if claim.state else {},
            journal=Journal(records, write, self._leases.ensure_held, agent.limited(self._limits)),
            compose=composer(self._clients.get(event.platform), event),
            system=f"{claim.system}\n\n{event.system}".strip() if claim.system or event.system else "",
            stream=StreamWriter(self._threads, claim, event.id) if claim.live else NULL_STREAM,
        )


def _history(claim: Claim, agent: Agent) -> list[Message]:
    context = claim.events[-1].context
    history = context if context is not None else [message for message in claim.history if not message.failed]
    # An interrupted turn left these messages in the history; now they are events of this turn.
    if answered_now := already_in_history(claim, claim.events):
        history = [message for message in history if message.id not in answered_now]
    if context is not None:
        # A context given by the sender is not cut: the agent would not know what was left out.
        return list(history)
    return window(history, messages=agent.messages, tokens=agent.tokens)
