"""Failed turns: another attempt after a delay, or a dead letter."""

from __future__ import annotations

from collections.abc import Sequence

from answerback import tracing
from answerback.agents import Agent, Turn
from answerback.agents.outcome import failure_code
from answerback.errors import AgentUnreachable, CodeChanged, TurnError, in_a_line
from answerback.http.retry_after import seconds_requested
from answerback.log import get_logger
from answerback.store.decode import Unreadable
from answerback.store.stream.events import EncodedEvent, RetryEvent, encode_event
from answerback.store.threads.records import Claim, Release
from answerback.store.threads.threads import Threads

from ..backoff import Backoff
from ..retry import retry_while_unavailable
from ..statistics import Counters
from .dead_letters import letter, move_to_dead_letters, unreadable_letter
from .stream_writer import stream_of

log = get_logger(__name__)


class Failures:
    """Decides what becomes of a turn that failed, and stores it."""

    def __init__(self, threads: Threads, counters: Counters, backoff: Backoff, *, max_attempts: int) -> None:
        self._threads = threads
        self._counters = counters
        self._backoff = backoff
        self._max_attempts = max_attempts

    async def unreadable(self, claim: Claim, entry: Unreadable) -> None:
        """Handle events that a newer version has stored."""
        await move_to_dead_letters(self._threads, claim, *unreadable_letter(claim, entry), "agent_failed")
        self._counters.dead_letter(claim.agent, "unreadable")

    def crashed_too_often(self, claim: Claim) -> bool:
        """Return whether a claim's message must not run again: every attempt is counted when it begins."""
        return claim.crashes >= self._max_attempts

    async def crashed(self, claim: Claim) -> None:
        """Handle a message that has crashed too often: it may be what kills its workers."""
        reason = f"the worker died or lost its lease in {claim.crashes} attempts"
        log.error("turn failed permanently", thread=claim.thread, turn=claim.entries[0].event.id, reason=reason)
        await move_to_dead_letters(
            self._threads, claim, *letter(claim, reason, attempts=claim.attempt - 1), "agent_failed"
        )
        self._counters.dead_letter(claim.agent, "crashed")

    async def agent_failed(self, claim: Claim, agent: Agent, turn: Turn, error: Exception) -> None:
        """Handle an exception that an agent raised."""
        if isinstance(error, CodeChanged) and self._starts_over(claim, turn):
            await self._start_over(claim, turn, error)
            return
        code = failure_code(error)
        if tracing.current is not None:
            tracing.current.fail(error)
        self._counters.fail(agent.name, code)
        reason = in_a_line(error)
        if isinstance(error, TurnError) or self._is_last_attempt(claim):
            log.error("turn failed permanently", reason=reason, exc_info=error)
            dead_letter, entry = letter(claim, reason, attempts=claim.attempt, agent=agent.name, turn=turn, error=error)
            turn.presence.end("failed")
            events = await stream_of(turn).finish()
            await move_to_dead_letters(self._threads, claim, dead_letter, entry, code, events, usage=turn.usage)
            self._counters.dead_letter(agent.name, code)
            return
        delay = self._backoff.after(
            claim.attempt, requested=seconds_requested(error), unreachable=isinstance(error, AgentUnreachable)
        )
        log.warning("turn failed; will be retried", reason=reason, next_try=round(delay, 3), exc_info=error)
        await self._retry(claim, turn.id, reason, code, delay, await stream_of(turn).finish())

    def _starts_over(self, claim: Claim, turn: Turn) -> bool:
        """Return whether a turn that other code began, and whose steps do not match, may begin again with this code."""
        return claim.version not in ("", self._threads.version) and turn.journal.discardable

    async def _start_over(self, claim: Claim, turn: Turn, error: CodeChanged) -> None:
        log.warning("the code has changed; the turn starts over", began=claim.version, runs=self._threads.version)
        events = await stream_of(turn).finish()
        await self._retry(claim, turn.id, in_a_line(error), failure_code(error), 0, events, how="started over")

    async def no_worker(self, claim: Claim, agent: str) -> None:
        """Handle events for an agent that no worker runs. Such a worker may be about to start."""
        event = claim.entries[0].event
        reason = f'no worker serves the agent "{agent}"'
        if self._is_last_attempt(claim):
            log.error("turn failed permanently", thread=claim.thread, delivery=event.delivery, reason=reason)
            dead_letter, entry = letter(claim, reason, attempts=claim.attempt, agent=agent)
            await move_to_dead_letters(self._threads, claim, dead_letter, entry, "unreachable")
            self._counters.dead_letter(agent, "no_worker")
            return
        delay = self._backoff.after(claim.attempt)
        log.warning("turn cannot start; will be retried", thread=claim.thread, reason=reason, next_try=round(delay, 3))
        await self._retry(claim, event.id, reason, "unreachable", delay)

    def _is_last_attempt(self, claim: Claim) -> bool:
        # Crashes have a limit of their own: an innocent message may have been running in a worker that died.
        return claim.attempt - claim.crashes >= self._max_attempts

    async def _retry(
        self,
        claim: Claim,
        turn: str,
        reason: str,
        code: str,
        delay: float,
        events: Sequence[EncodedEvent] = (),
        *,
        how: Release = "failed",
    ) -> None:
        """Release the thread for another attempt, and tell its followers."""
        if claim.live:
            seconds = round(delay, 3)
            retry = RetryEvent(turn=turn, reason=reason, code=code, attempt=claim.attempt, seconds=seconds)
            events = [*events, encode_event(retry)]
        await retry_while_unavailable(
            self._threads.release, claim, how, delay=delay, error=reason, stream_events=events
        )
