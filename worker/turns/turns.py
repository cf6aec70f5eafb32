"""Runs the turns of a claimed thread: route the event, run the agent, commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any

import msgspec
import structlog

from answerback.agents import Agent, Turn
from answerback.agents.history import window
from answerback.agents.journal import Journal, Limits
from answerback.errors import AgentUnreachable, LeaseLost, StoreFull, StoreUnavailable, TurnError, in_a_line
from answerback.events import Arrival, Event
from answerback.http.retry_after import seconds_told
from answerback.log import get_logger
from answerback.messages import Message, TurnEnd
from answerback.platforms import Client
from answerback.replies import Reply
from answerback.store.decode import Unreadable, unreadable
from answerback.store.stream.events import stream_event
from answerback.store.threads.records import Claim, Commit, Step, StreamEvent
from answerback.store.threads.threads import Threads

from ..backoff import Backoff
from ..replies.identities import Identities
from ..retry import retry_while_unavailable
from ..statistics import Counters
from .agents import AgentRegistry
from .dead_letters import bury, letter, unreadable_letter
from .loop_breaker import Loops
from .outcome import (
    Status,
    already_in_history,
    commit,
    commit_unanswered,
    composer,
    end_of_turn,
    ended,
    messages,
    replaced,
    user_messages,
)
from .routing import answered_before, overheard, route
from .running import Running, TurnStopped
from .stream_writer import NULL_STREAM, StreamWriter, TurnStream, stream_of

log = get_logger(__name__)

AT_ONCE = 50
"""Maximum number of events that one turn answers."""
TURNS_A_CLAIM = 10
"""Maximum number of consecutive turns under one claim."""


class Turns:
    """Runs the turns of claimed threads."""

    def __init__(
        self,
        threads: Threads,
        served: AgentRegistry,
        clients: Mapping[str, Client],
        identities: Identities,
        sure: Callable[[], Awaitable[None]],
        elsewhere: Callable[[Claim, Event], Awaitable[None]],
        loops: Loops,
        *,
        window: int,
        limits: Limits,
        timeout: float,
        max_attempts: int,
        backoff: Backoff,
    ) -> None:
        self._threads = threads
        self._served = served
        self._clients = clients
        self._identities = identities
        self._sure = sure
        self._elsewhere = elsewhere
        self._loops = loops
        self._window = window
        self._limits = limits
        self._timeout = timeout
        self._max_attempts = max_attempts
        self._backoff = backoff
        self.running = Running(threads)
        self.stopping = False
        self.tally = Counters()

    async def run(self, claim: Claim) -> None:
        """Handle a claimed thread's events in order until none is left.

        If cancelled, release the thread immediately, with its journal. (If the lease is lost, the fence ensures that
        this changes nothing.)
        """
        try:
            while await self._turn(claim):
                pass
        except LeaseLost:
            log.warning("another worker has taken over this thread", thread=claim.thread, fence=claim.fence)
        except asyncio.CancelledError:
            await self._hand_back(claim)
            raise

    async def _turn(self, claim: Claim) -> bool:
        """Run one turn. Return whether the thread is still ours and has more events."""
        first = claim.entries[0]
        if isinstance(first, Unreadable):
            await bury(self._threads, claim, *unreadable_letter(claim, first), "agent_failed")
            return False
        event = first.event
        if claim.crashes >= self._max_attempts:
            # Every attempt is counted when it begins, so a message that kills its workers ends here.
            why = f"the worker died or lost its lease in {claim.crashes} attempts"
            await bury(self._threads, claim, *letter(claim, why, attempts=claim.attempt - 1), "agent_failed")
            return False
        identity = self._identities.known.get(event.platform)
        if identity is None and event.platform in self._clients:
            # Whether we are mentioned is not known yet: the thread waits, and the attempt does not count.
            await retry_while_unavailable(
                self._threads.release, claim, "handed back", delay=self._identities.delay(event.platform)
            )
            return False
        ours = identity is not None and identity.wrote(event.identities)

        agents = await retry_while_unavailable(self._served.reached, event) if event.agent else self._served.own

        def answers(event: Event) -> Agent | None:
            if event.edited and answered_before(claim, event):
                return None
            return route(agents, event, identity=identity, last=claim.agent)

        agent = answers(event)
        if agent is None and event.agent:
            await self._elsewhere(claim, event)
            return False
        if agent is None:
            # Our own messages arrive here if Redis was emptied and ingress could not recognise us. An edit that is not
            # answered does not change the history.
            kept = overheard(agents, event) and not ours and event.edited != "mention"
            events = claim.entries[0].events
            said = user_messages(claim, events, event.id) if kept else []
            return await self._commit(claim, self._unanswered(claim, events, said, "ignored"))
        if self._loops.stops(claim, event):
            events = claim.entries[0].events
            ending = self._unanswered(claim, events, user_messages(claim, events, event.id), "ignored")
            return await self._commit(claim, msgspec.structs.replace(ending, loop="open"))
        arrival = event.arrival or agent.arrival
        if arrival == "drop" and claim.position >= claim.until:
            said = user_messages(claim, [event], event.id, "dropped")
            return await self._commit(claim, self._unanswered(claim, [event], said, "dropped"))
        if not await self._gather(claim, agent, arrival):
            return False
        # One turn answers all claimed events for the same agent that may be answered together.
        if len(claim.entries) > 1:
            mine = takewhile(
                lambda e: not isinstance(e, Unreadable) and answers(e.event) is agent and e.event.arrival != "queue",
                claim.entries[1:],
            )
            claim.entries = [claim.entries[0], *mine]
        return await self._answer(claim, agent, arrival)

    def _goes_on(self, claim: Claim) -> bool:
        # A thread is claimed again from time to time, since only a claim reads its current state.
        claim.turns += 1
        return not self.stopping and claim.turns < TURNS_A_CLAIM

    async def _gather(self, claim: Claim, agent: Agent, arrival: Arrival) -> bool:
        """Add more waiting events to the turn if the agent wants that. Return False while it debounces."""
        begun = claim.journal or claim.shown or claim.crashes
        if arrival in ("queue", "drop") or begun:
            return True
        quiet = await retry_while_unavailable(
            self._threads.gather, claim, AT_ONCE, interruptible=arrival == "interrupt"
        )
        if arrival == "debounce" and quiet < agent.quiet and len(claim.entries) < AT_ONCE:
            await retry_while_unavailable(self._threads.release, claim, "handed back", delay=agent.quiet - quiet)
            return False
        return True

    async def _answer(self, claim: Claim, agent: Agent, arrival: Arrival) -> bool:
        try:
            turn, voice = self._open(claim, agent)
        except msgspec.MsgspecError as error:
            # Its journal, or its agent's state, was written by a newer version.
            entries = [msgspec.msgpack.encode(entry) for entry in claim.entries]
            found = unreadable_letter(claim, unreadable(entries, claim.thread, str(error)))
            await bury(self._threads, claim, *found, "agent_failed")
            return False
        structlog.contextvars.bind_contextvars(
            thread=claim.thread, turn=turn.id, delivery=turn.event.delivery, attempt=claim.attempt, agent=agent.name
        )
        if claim.shown:
            await voice.recover()
        voice.begin(agent.name, claim.attempt, turn.events)
        try:
            if claim.cancelled:
                raise TurnStopped("cancelled")
            with self.tally.turn():
                text = await self.running.think(claim, agent, turn, arrival, agent.timeout or self._timeout)
            turn.journal.close()
            if text is not None:
                turn.conclude(text)
            said = messages(claim, agent, turn, self._threads.now, status="completed")
            end = self._ended(turn, "completed", said)
            ending = commit(claim, agent, turn, said, end, more=self._goes_on(claim))
            ending = msgspec.structs.replace(ending, loop=self._loops.weight(claim, turn.event))
        except TurnStopped as halted:
            return await self._halted(claim, agent, turn, halted.why)
        except (LeaseLost, StoreUnavailable, StoreFull):
            raise
        except Exception as error:  # noqa: BLE001 (an agent may raise anything; all of it is kept)
            return await self._fail(claim, agent, turn, error)
        return await self._end(claim, turn, ending, end_of_turn(claim, end))

    def _ended(self, turn: Turn, status: Status, said: Sequence[Message]) -> TurnEnd:
        return ended(turn.id, turn.events, status, said, at=self._threads.now, usage=turn.usage)

    def _unanswered(self, claim: Claim, events: Sequence[Event], said: Sequence[Message], status: Status) -> Commit:
        return commit_unanswered(claim, events, said, status, at=self._threads.now, more=self._goes_on(claim))

    def _open(self, claim: Claim, agent: Agent) -> tuple[Turn, TurnStream]:
        async def write(name: str, record: bytes, replies: Sequence[Reply]) -> None:
            step = Step(claim.thread, claim.fence, claim.owner, claim.position, name, record, replies)
            await retry_while_unavailable(self._threads.step, step)

        events = claim.events
        event = events[-1]
        voice = StreamWriter(self._threads, claim, event.id) if claim.live else NULL_STREAM
        journal = {name: record for entry in claim.entries for name, record in entry.journal.items()} | claim.journal
        stateless = event.context is not None
        history = event.context if event.context is not None else [m for m in claim.history if not m.failed]
        if again := already_in_history(claim):
            again.intersection_update(event.id for event in events)
            history = [message for message in history if message.id not in again]
        turn = Turn(
            agent=agent.name,
            events=events,
            # A context given by the sender is not cut: the agent would not know what was left out.
            history=list(history) if stateless else window(history, messages=agent.messages, tokens=agent.tokens),
            attempt=claim.attempt,
            state=msgspec.msgpack.decode(claim.state, type=dict[str, Any]) if claim.state else {},
            journal=Journal(journal, write, self._sure, agent.limited(self._limits)),
            compose=composer(self._clients.get(event.platform), event),
            system=f"{claim.system}\n\n{event.system}".strip() if claim.system or event.system else "",
            stream=voice,
        )
        return turn, voice

    async def _halted(self, claim: Claim, agent: Agent, turn: Turn, why: str) -> bool:
        """End a stopped turn: its messages so far are kept, and the rest is not run."""
        status: Status = "cancelled" if why == "cancelled" else "interrupted"
        partial = stream_of(turn).partial(len(turn.replies))
        said = messages(claim, agent, turn, self._threads.now, partial=partial, status=status)
        end = self._ended(turn, status, said)
        last = end_of_turn(claim, end)
        log.info("turn ended before its agent finished", status=status, unknown=turn.journal.unknown)
        if status == "cancelled":
            return await self._end(claim, turn, commit(claim, agent, turn, said, end, more=not self.stopping), last)
        deltas = [*await stream_of(turn).close(), *last]
        old = replaced(claim, turn.events)
        await retry_while_unavailable(
            self._threads.release, claim, "interrupted", end=end, replaced=old, messages=said, deltas=deltas
        )
        return False

    async def _end(self, claim: Claim, turn: Turn, ending: Commit, last: Sequence[StreamEvent]) -> bool:
        deltas = [*await stream_of(turn).close(), *last]
        return await self._commit(claim, msgspec.structs.replace(ending, deltas=deltas) if deltas else ending)

    async def _commit(self, claim: Claim, ending: Commit) -> bool:
        ending = msgspec.structs.replace(ending, patience=self._loops.turns)
        entries = await retry_while_unavailable(self._threads.commit, ending)
        self.tally.handle(ending.handled)
        claim.position += ending.handled
        kept = [message for message in claim.history if message not in ending.replaced]
        claim.history = [*kept, *ending.messages][-self._window :]
        claim.entries, claim.attempt, claim.crashes = entries, 1, 0
        claim.agent, claim.journal = ending.agent, {}
        claim.shown = claim.cancelled = False
        claim.state = ending.state or claim.state
        return bool(entries)

    async def _fail(self, claim: Claim, agent: Agent, turn: Turn, error: Exception) -> bool:
        self.tally.fail()
        final = isinstance(error, TurnError)
        code = error.code if isinstance(error, TurnError | AgentUnreachable) else "agent_failed"
        why = in_a_line(error)
        if final or claim.attempt - claim.crashes >= self._max_attempts:
            log.error("turn failed permanently", reason=why, exc_info=error)
            buried = letter(claim, why, attempts=claim.attempt, agent=agent.name, turn=turn, error=error)
            await bury(self._threads, claim, *buried, code, await stream_of(turn).close(), usage=turn.usage)
            return False
        away = isinstance(error, AgentUnreachable)
        delay = self._backoff.after(claim.attempt, told=seconds_told(error), away=away)
        log.warning("turn failed; will be retried", reason=why, next_try=round(delay, 3), exc_info=error)
        deltas = await stream_of(turn).close()
        if claim.live:
            deltas.append(
                stream_event("retry", turn.id, reason=why, code=code, attempt=claim.attempt, seconds=round(delay, 3))
            )
        await retry_while_unavailable(self._threads.release, claim, delay=delay, error=why, deltas=deltas)
        return False

    async def _hand_back(self, claim: Claim) -> None:
        try:
            await self._threads.release(claim, "handed back")
            log.info("thread released", thread=claim.thread)
        except (LeaseLost, StoreUnavailable, StoreFull) as error:
            # The thread can be claimed again when its lease expires.
            log.warning("could not release thread", thread=claim.thread, error=str(error))
