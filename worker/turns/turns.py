"""Runs the turns of a claimed thread: route the event, run the agent, commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec

from answerback import tracing
from answerback.agents import Agent, Turn
from answerback.agents.outcome import Status, Unanswered, replaced, turn_outcome
from answerback.agents.presses import OUT_OF_USE, TWICE, is_ours, poster, pressed_twice
from answerback.agents.routing import answered_before, overheard, route, route_edit, thread_command, why_unanswered
from answerback.agents.turn_record import Command
from answerback.codec import encode
from answerback.deadlines import StopReason
from answerback.errors import LeaseLost, StoreFull, StoreUnavailable
from answerback.events import Arrival, Entry, Event
from answerback.log import bind, get_logger
from answerback.replies import Reply
from answerback.store.decode import Unreadable, unreadable
from answerback.store.threads.records import Claim, Commit
from answerback.store.threads.threads import Threads

from ..claiming.slots import Slots
from ..metrics import LEASES_LOST
from ..orders import LONGEST, Pauses
from ..presence.presences import PresenceKeeper
from ..replies.handover import Handover
from ..replies.identities import Identities
from ..retry import retry_while_unavailable
from ..statistics import Counters
from .agents import AgentRegistry
from .backfill import Backfills
from .commits import advance, commit_answered, commit_unanswered, end_of_turn, with_stream_events
from .failures import Failures
from .fetching import Fetches
from .loop_breaker import Loops
from .merging import add_waiting, keep_together, read_numbers
from .naming import NameLookups
from .opening import TurnOpener
from .running import Running, TurnStopped
from .shown_replies import concluded
from .stream_writer import stream_of
from .unserved_agents import UnservedAgents

log = get_logger(__name__)

TURNS_A_CLAIM = 10
"""Maximum number of consecutive turns under one claim."""


class Turns:
    """Runs the turns of claimed threads."""

    def __init__(
        self,
        threads: Threads,
        agents: AgentRegistry,
        identities: Identities,
        unserved: UnservedAgents,
        loops: Loops,
        opener: TurnOpener,
        presences: PresenceKeeper,
        backfills: Backfills,
        fetches: Fetches,
        names: NameLookups,
        running: Running,
        failures: Failures,
        counters: Counters,
        pauses: Pauses,
        handover: Handover,
        slots: Slots,
        *,
        window: int,
        timeout: float,
    ) -> None:
        self._threads = threads
        self._agents = agents
        self._identities = identities
        self._unserved = unserved
        self._loops = loops
        self._opener = opener
        self._presences = presences
        self._backfills = backfills
        self._fetches = fetches
        self._names = names
        self._failures = failures
        self._pauses = pauses
        self._handover = handover
        self._slots = slots
        self._window = window
        self._timeout = timeout
        self.running = running
        self.counters = counters
        self.stopping = False
        """Whether no further turn begins, because the process is stopping."""

    def stop(self) -> None:
        """Begin no further turns."""
        self.stopping = True

    async def run(self, claim: Claim) -> None:
        """Handle a claimed thread's events in order until none is left.

        If cancelled, release the thread immediately, with its journal. (If the lease is lost, the fence ensures that
        this changes nothing.)
        """
        try:
            while commit := await self._turn(claim):
                entries = await self._commit(claim, commit)
                self.counters.commit(commit)
                advance(claim, commit, entries, window=self._window)
                if not entries:
                    break
        except LeaseLost:
            LEASES_LOST.labels("ready").inc()
            log.warning("another worker has taken over this thread", thread=claim.thread, fence=claim.fence)
        except asyncio.CancelledError:
            await self._hand_back(claim)
            raise

    async def _commit(self, claim: Claim, commit: Commit) -> Sequence[Entry]:
        """Commit a turn. Return the thread's next entries."""
        committing = retry_while_unavailable(self._threads.commit, commit, self._handover.of(commit))
        if commit.patience and commit.position + commit.handled < claim.until:
            return await committing
        # It is the last turn of the claim, unless a message has arrived meanwhile.
        return await self._slots.lend(committing)

    async def _turn(self, claim: Claim) -> Commit | None:
        """Run one turn. Return what to commit; None if the thread was released."""
        first = claim.entries[0]
        if isinstance(first, Unreadable):
            await self._failures.unreadable(claim, first)
            return None
        read_numbers(claim)
        first = claim.entries[0]
        event = first.event
        if self._pauses.everything and not claim.cancelled:
            await retry_while_unavailable(self._threads.release, claim, "handed back")
            return None
        if self._failures.crashed_too_often(claim):
            await self._failures.crashed(claim)
            return None
        platform = event.platform
        identity = await self._identities.of(platform, event.account)
        if identity is None and self._identities.expected(platform):
            # Whether we are mentioned is not known yet: the thread waits, and the attempt does not count.
            delay = self._identities.delay(platform)
            await retry_while_unavailable(self._threads.release, claim, "handed back", delay=delay)
            return None

        agents = await retry_while_unavailable(self._agents.candidates, event) if event.agent else self._agents.own

        def answers(event: Event) -> Agent | None:
            if event.edited and answered_before(claim.history, event):
                return route_edit(agents, event, claim.history, identity=identity, attention=claim.attention)
            posted = poster(claim.history, event, claim.agent) if event.action else ""
            return route(agents, event, identity=identity, last=claim.agent, attention=claim.attention, poster=posted)

        if event.action and pressed_twice(claim.history, event, first.stored):
            return self._unanswered(claim, first.events, "ignored", keep=False, reason=TWICE)
        agent = answers(event)
        if agent is None and event.agent:
            await self._unserved.release(claim, event)
            return None
        if agent is None:
            # Our own messages arrive here if Redis was emptied and ingress could not recognise us. An edit that is not
            # answered does not change the history.
            own = identity is not None and identity.wrote(event.identities)
            keep = overheard(agents, event) and not own and not event.is_edit
            reason = why_unanswered(agents, event, own=own, muted=claim.attention == "muted")
            log.debug("no agent answers", thread=claim.thread, delivery=event.delivery, reason=reason)
            commit = self._unanswered(claim, first.events, "ignored", keep=keep, reason=reason)
            if not own and is_ours(event):
                # A person has pressed a button of ours, and waits.
                commit = msgspec.structs.replace(commit, replies=await self._opener.say(claim, event, OUT_OF_USE))
            return commit
        if (pause := self._pauses.agent(agent.name)) and not claim.cancelled:
            # Messages to other agents in this thread wait, too: its order is kept.
            await retry_while_unavailable(self._threads.release, claim, "handed back", delay=LONGEST, pause=pause)
            return None
        if self._loops.stops(claim, event):
            reason = "programs have answered each other too often in this thread"
            return self._unanswered(claim, first.events, "ignored", reason=reason, loop="open")
        command = thread_command(agent, event, identity)
        # A command is neither answered together with other messages, nor dropped.
        arrival = "queue" if command else event.arrival or agent.arrival
        if arrival == "drop" and claim.position >= claim.until:
            return self._unanswered(claim, [event], "dropped")
        if not await add_waiting(self._threads, claim, agent, arrival):
            return None
        read_numbers(claim)
        keep_together(claim, agent, answers, identity)
        return await self._answer(claim, agent, arrival, command)

    def _unanswered(
        self,
        claim: Claim,
        events: Sequence[Event],
        status: Unanswered,
        *,
        keep: bool = True,
        reason: str = "",
        loop: Literal["", "open"] = "",
    ) -> Commit:
        """Return the commit of events that no agent answers. `keep`: whether they become history."""
        at, patience = self._threads.now, self._patience(claim)
        return commit_unanswered(claim, events, status, keep=keep, reason=reason, at=at, patience=patience, loop=loop)

    def _patience(self, claim: Claim) -> int:
        """Return up to which streak the thread is kept for another turn; 0 to release it."""
        # A thread is claimed again from time to time, since only a claim reads its current state.
        claim.turns += 1
        return 0 if self.stopping or self._pauses.everything or claim.turns >= TURNS_A_CLAIM else self._loops.turns

    async def _answer(self, claim: Claim, agent: Agent, arrival: Arrival, command: Command | None) -> Commit | None:
        try:
            turn = await self._opener.open(claim, agent, command)
        except msgspec.MsgspecError as error:
            # Its journal, or its agent's state, was written by a newer version.
            entries = [encode(entry) for entry in claim.entries]
            await self._failures.unreadable(claim, unreadable(entries, claim.thread, str(error)))
            return None
        bind(thread=claim.thread, turn=turn.id, delivery=turn.event.delivery, attempt=claim.attempt, agent=agent.name)
        turn.meter = self.counters.begin(claim, agent)
        if turn.posted:
            turn.presence = await self._presences.begin(agent, turn, claim.attempt)
        try:
            if tracing.current is None:
                return await self._run(claim, agent, turn, arrival)
            parents = [entry.trace for entry in claim.entries]
            with tracing.current.turn(
                turn.thread, turn.id, agent.name, fence=claim.fence, attempt=claim.attempt, parents=parents
            ):
                return await self._run(claim, agent, turn, arrival)
        finally:
            turn.presence.leave()

    async def _run(self, claim: Claim, agent: Agent, turn: Turn, arrival: Arrival) -> Commit | None:
        stream = stream_of(turn)
        if claim.shown:
            await stream.recover()
        stream.begin(agent.name, claim.attempt, turn.events)
        try:
            if claim.cancelled:
                raise TurnStopped("cancelled")
            before = await self._preparations(claim, agent, turn) if turn.posted or turn.attachments else ()
            seconds = agent.timeout or self._timeout
            text = await self.running.think(claim, agent, turn, arrival, seconds, before=before)
            turn.journal.close()
            stream = stream_of(turn)
            await stream.settle()
            last: Sequence[Reply] = ()
            if text is not None:
                turn.conclude(text)
                last = turn.replies[-1].parts
            messages, end = turn_outcome(turn, "completed", at=self._threads.now)
            patience, loop = self._patience(claim), self._loops.weight(claim, turn.event)
            commit = commit_answered(claim, agent, turn, messages, end, last, patience=patience, loop=loop)
        except TurnStopped as stopped:
            return await self._stopped(claim, agent, turn, stopped.reason)
        except (LeaseLost, StoreUnavailable, StoreFull):
            raise
        except Exception as error:  # noqa: BLE001 (an agent may raise anything; all of it is kept)
            await self._failures.agent_failed(claim, agent, turn, error)
            return None
        finally:
            stream.abort()
        turn.presence.end("completed")
        return with_stream_events(commit, [*await stream.finish(), *end_of_turn(claim, end)])

    async def _preparations(self, claim: Claim, agent: Agent, turn: Turn) -> list[Callable[[], Awaitable[None]]]:
        """Return what is to be done before the agent runs: read what was said earlier, fetch files, look up names."""
        earlier = await self._backfills.wanted(claim, agent, turn)
        wanted = (earlier, self._fetches.wanted(turn), self._names.wanted(turn))
        return [each for each in wanted if each is not None]

    async def _stopped(self, claim: Claim, agent: Agent, turn: Turn, reason: StopReason) -> Commit | None:
        """End a stopped turn: its messages so far are kept, and the rest is not run."""
        status: Status = "cancelled" if reason == "cancelled" else "interrupted"
        await stream_of(turn).settle()
        turn.recall_rest()
        partial = stream_of(turn).partial(len(turn.replies))
        # What is shown of it stays, and is what the history has.
        last = turn.unfinished(partial) if claim.streamed else ()
        messages, end = turn_outcome(turn, status, at=self._threads.now, partial=partial, last=last)
        log.info("turn ended before its agent finished", status=status, unknown=turn.journal.unknown)
        events = [*await stream_of(turn).finish(), *end_of_turn(claim, end)]
        if status == "cancelled":
            turn.presence.end("cancelled")
            commit = commit_answered(claim, agent, turn, messages, end, last, patience=self._patience(claim))
            return with_stream_events(commit, events)
        await retry_while_unavailable(
            self._threads.release,
            claim,
            "interrupted",
            end=end,
            replaced=[*turn.backfill.replaced, *replaced(turn.earlier)],
            messages=[*turn.backfill.messages, *messages],
            stream_events=events,
            replies=concluded(claim, last),
        )
        self.counters.end(status, agent.name)
        return None

    async def _hand_back(self, claim: Claim) -> None:
        try:
            await self._threads.release(claim, "handed back")
            log.info("thread released", thread=claim.thread)
        except (LeaseLost, StoreUnavailable, StoreFull) as error:
            # The thread can be claimed again when its lease expires.
            log.warning("could not release thread", thread=claim.thread, error=str(error))
