"""Runs the turns of a thread in memory: route the event, run the agent, commit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from answerback.agents.agent import Agent
from answerback.agents.composer import Composer
from answerback.agents.limits import TurnLimits
from answerback.agents.memory.attempt import Attempt, TurnStopped
from answerback.agents.memory.clock import Clock
from answerback.agents.memory.killing import KillableJournal, Killed, KillPoint, Moment, place_of
from answerback.agents.memory.outcomes import Outcomes
from answerback.agents.memory.records import Records
from answerback.agents.memory.stream import StreamLog
from answerback.agents.opening import open_turn
from answerback.agents.outcome import Status
from answerback.agents.presses import OUT_OF_USE, TWICE, is_ours, poster, pressed_twice
from answerback.agents.routing import (
    answered_before,
    joins,
    overheard,
    route,
    route_edit,
    thread_command,
    why_unanswered,
)
from answerback.agents.turn_record import Command
from answerback.codec import encode
from answerback.errors import AgentUnreachable, TurnFailed
from answerback.events import Entry, Event
from answerback.messages import Identity
from answerback.replies import Reply
from answerback.steps import FINISHED, decode_record

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from answerback.platforms import Client

AT_ONCE = 50
"""Maximum number of events that one turn answers."""


class TurnRunner:
    """Runs turns, one at a time.

    Attributes:
        steps: Keys of the finished steps of the last attempt.
        kill_points: Where attempts are still to be killed.
        killed: Tasks of killed attempts, which wait where they were killed.
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        records: Records,
        outcomes: Outcomes,
        stream: StreamLog,
        clock: Clock,
        *,
        attempts: int,
        timeout: float,
        limits: TurnLimits,
        clients: Mapping[str, Client],
        identities: Mapping[str, Identity],
        system: str,
        model: Model | None,
    ) -> None:
        self._agents = agents
        self._records = records
        self._outcomes = outcomes
        self._stream = stream
        self._clock = clock
        self._attempts = attempts
        self._timeout = timeout
        self._limits = limits
        self._clients = clients
        self._identities = identities
        self._system = system
        self._model = model
        self._attempt: Attempt | None = None
        self._late: set[str] = set()
        self._arrived = 0
        self.working = False
        self.steps: tuple[str, ...] = ()
        self.kill_points: list[KillPoint] = []
        self.killed: list[asyncio.Task[str | None]] = []

    def arrived(self, event: Event) -> None:
        """Handle an event that was stored: it may interrupt the turn that runs."""
        self._arrived = self._clock.now()
        if self.working:
            self._late.add(event.id)
        if self._attempt is not None:
            self._attempt.receive(event)

    def cancel(self) -> bool:
        """Cancel the turn that runs. Return whether one runs."""
        if self._attempt is not None:
            self._attempt.stop("cancelled")
        return self._attempt is not None

    async def run_next(self) -> None:
        """Run the next turn, or its next attempt.

        Raises:
            Killed: The attempt has reached a kill point.
            Exception: The agent raised it, and another attempt is to follow.
        """
        records = self._records
        if (wait := records.not_before - self._clock.now()) > 0:
            await self._clock.sleep(wait / 1000)
        if not records.inbox:  # deleted meanwhile
            return None
        first = records.inbox[0]
        if records.crashes >= self._attempts:
            reason = f"the worker died or lost its lease in {records.crashes} attempts"
            return self._outcomes.fail_for_good(records.inbox[: max(1, records.taken)], TurnFailed(reason), reason)
        if pressed_twice(records.history, first.event, first.stored):
            return self._outcomes.leave_unanswered(first.events, "ignored", keep=False, reason=TWICE)
        agent = self._answers(first.event)
        if agent is None and first.event.agent:
            reason = f'no worker serves the agent "{first.event.agent}"'
            return self._outcomes.fail_for_good([first], AgentUnreachable(reason), reason)
        if agent is None:
            event, own = first.event, self._is_own(first.event)
            reason = why_unanswered(self._agents, event, own=own, muted=records.attention == "muted")
            keep = overheard(self._agents, event) and not own and not event.is_edit
            if is_ours(event) and not own:
                composer = Composer(self._clients.get(event.platform), event)
                records.post(composer.message(f"{event.id}.0", OUT_OF_USE))
            return self._outcomes.leave_unanswered(first.events, "ignored", keep=keep, reason=reason)
        command = thread_command(agent, first.event, self._identities.get(first.event.platform))
        # A command is neither answered together with other messages, nor dropped.
        arrival = "queue" if command else first.event.arrival or agent.arrival
        if arrival == "drop" and first.event.id in self._late:
            return self._outcomes.leave_unanswered([first.event], "dropped")
        shown = first.event.platform == "chat" and self._stream.within_turn
        begun = bool(records.journal or records.crashes or shown)
        if arrival not in ("queue", "drop") and not begun:
            if arrival == "debounce":
                await self._wait_for_quiet(agent.quiet)
                if not (records.inbox and records.inbox[0] is first):  # edited or deleted meanwhile
                    return None
            records.taken = min(len(records.inbox), AT_ONCE)
        taken = records.inbox[1 : max(1, records.taken)]
        entries = [first, *takewhile(lambda entry: self._joins(entry.event, agent), taken)]
        records.taken = len(entries)
        return await self._run(agent, entries, command, interruptible=arrival == "interrupt" and not begun)

    def _answers(self, event: Event) -> Agent | None:
        identity = self._identities.get(event.platform)
        records = self._records
        if event.edited and answered_before(records.history, event):
            return route_edit(self._agents, event, records.history, identity=identity, attention=records.attention)
        return route(
            self._agents,
            event,
            identity=identity,
            last=records.agent,
            attention=records.attention,
            poster=poster(records.history, event, records.agent),
        )

    def _joins(self, event: Event, agent: Agent) -> bool:
        return joins(event, agent, self._answers, identity=self._identities.get(event.platform))

    def _is_own(self, event: Event) -> bool:
        identity = self._identities.get(event.platform)
        return identity is not None and identity.wrote(event.identities)

    async def _wait_for_quiet(self, quiet: float) -> None:
        while len(self._records.inbox) < AT_ONCE:
            waited = (self._clock.now() - self._arrived) / 1000
            if waited >= quiet:
                return
            await self._clock.sleep(quiet - waited)

    async def _run(
        self, agent: Agent, entries: Sequence[Entry], command: Command | None, *, interruptible: bool
    ) -> None:
        records = self._records
        events = [event for entry in entries for event in entry.events]
        event = events[-1]
        fence = records.claim()
        stream = self._stream.buffer(event.id)

        async def write(name: str, record: bytes, replies: Sequence[Reply]) -> None:
            records.step(fence, name, record, replies)
            if place_of(name) == "reply" and decode_record(record).state in FINISHED:
                await reach("reply", "after")

        async def ensure_lease() -> None:
            records.ensure_held(fence)

        async def reach(place: str, when: Moment) -> None:
            if self._is_killed_at(place, when):
                await attempt.die()

        journal = {name: record for entry in entries for name, record in entry.journal.items()} | records.journal
        turn = open_turn(
            agent,
            events,
            history=records.history,
            attempt=records.attempt,
            state=records.state,
            system=self._system,
            read_file=records.read_file,
            write_file=records.write_file,
            journal=KillableJournal(journal, write, ensure_lease, agent.limited(self._limits), reach),
            compose=Composer(self._clients.get(event.platform), event),
            stream=stream,
            attention=records.attention,
            command=command,
        )
        stream.begin(agent.name, records.attempt, events)
        self._attempt = attempt = Attempt(agent, turn, interruptible=interruptible, model=self._model)
        status: Status = "completed"
        try:
            try:
                text = await attempt.run(agent.timeout or self._timeout)
                turn.journal.close()
                if text is not None:
                    turn.conclude(text)
            except TurnStopped as stopped:
                status = stopped.reason
            state = encode(turn.state) if turn.state or records.state else b""
        except Killed:
            assert attempt.task is not None
            self.killed.append(attempt.task)
            records.crash()
            raise
        except asyncio.CancelledError:
            records.hand_back()
            raise
        except Exception as error:  # noqa: BLE001 (an agent may raise anything; all of it is kept)
            self._outcomes.fail(turn, entries, error)
            return
        finally:
            self._attempt = None
            self.steps = turn.journal.done
            stream.close()
        if self._is_killed_at("commit", "before"):
            records.crash()
            raise Killed
        self._outcomes.complete(turn, len(entries), status, stream, state)
        if self._is_killed_at("commit", "after"):
            raise Killed

    def _is_killed_at(self, place: str, when: Moment) -> bool:
        """Return whether the turn is to be killed at this place. Each kill point does that once."""
        point = next((point for point in self.kill_points if point.matches(place, when)), None)
        if point is not None:
            self.kill_points.remove(point)
        return point is not None
