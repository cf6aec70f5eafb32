"""The turns running in this worker, and the signals they react to."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from answerback.agents import Agent, Turn
from answerback.agents.containment import think
from answerback.deadlines import Deadlines, StopReason
from answerback.errors import TimeExceeded
from answerback.events import Arrival
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads

from ..durations import AgentKey, TurnDurations, agent_key
from ..statistics import Counters
from .stream_writer import StreamWriter, stream_of


class TurnStopped(Exception):
    """The turn was stopped before its agent finished."""

    def __init__(self, reason: StopReason) -> None:
        self.reason = reason
        super().__init__(reason)


class _RunningTurn(NamedTuple):
    task: asyncio.Task[object]
    claim: Claim
    turn: Turn
    arrival: Arrival
    agent: Agent


class Running:
    """The running turns, by thread."""

    def __init__(self, threads: Threads, counters: Counters) -> None:
        self._threads = threads
        self._counters = counters
        self.deadlines = Deadlines()
        self.durations = TurnDurations()
        self._turns: dict[str, _RunningTurn] = {}

    def busy(self) -> Counter[AgentKey]:
        """Return the number of running turns per agent."""
        return Counter(agent_key(each.agent) for each in self._turns.values())

    def executing(self) -> tuple[str, str]:
        """Return the agent and thread of the turn whose code is executing now; "" if unknown.

        Called from the watchdog's thread while the event loop is blocked.
        """
        turns = list(self._turns.values())
        # The agent may have started tasks of its own: then it is known only if no other turn is running.
        candidates = [each for each in turns if getattr(each.task.get_coro(), "cr_running", False)] or turns
        return (candidates[0].agent.name, candidates[0].turn.thread) if len(candidates) == 1 else ("", "")

    def receive(self, signal: str, thread: str) -> None:
        """Handle a signal for the turn in a thread: "cancel", "interrupt", "interrupt now" or "live"."""
        running = self._turns.get(thread)
        if running is None:
            return
        if signal == "live":
            self._follow(running.claim, running.turn)
        elif signal == "cancel":
            self.cancel(thread)
        elif running.turn.journal.bound:
            # It must not be restarted, as it would repeat steps that may run only once. The message waits instead.
            pass
        elif signal == "interrupt now" or (signal == "interrupt" and running.arrival == "interrupt"):
            self.deadlines.cancel(running.task, "interrupted")

    def cancel(self, thread: str) -> None:
        """Cancel the turn in a thread, if it is running here."""
        if running := self._turns.get(thread):
            self.deadlines.cancel(running.task, "cancelled")

    def _follow(self, claim: Claim, turn: Turn) -> None:
        if not claim.live:
            claim.live = True
            writer = StreamWriter(self._threads, claim, turn.id)
            turn.stream = stream_of(turn).followed_by(writer)
            writer.begin(turn.agent, turn.attempt, turn.events)

    async def think(
        self,
        claim: Claim,
        agent: Agent,
        turn: Turn,
        arrival: Arrival,
        seconds: float,
        *,
        before: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> str | None:
        """Run the agent within its time limit. An agent that exits the process or cancels itself has failed.

        `before`: what to do within that limit before it runs.

        Raises:
            TurnStopped: the turn was cancelled or interrupted.
            TimeExceeded: the time limit was exceeded.
            Exception: anything the agent raises.
        """
        task = asyncio.current_task()
        assert task is not None
        self._turns[turn.thread] = _RunningTurn(task, claim, turn, arrival, agent)
        self.deadlines.start(task, seconds)
        began = time.monotonic()
        try:
            for prepare in before:
                await prepare()
            text = await think(agent, turn)
        finally:
            took = time.monotonic() - began
            self._counters.run(agent, turn, took)
            del self._turns[turn.thread]
            reason = self.deadlines.stop(task)
            if reason == "expired":
                raise TimeExceeded(f"the turn took longer than {seconds:g} s") from None
            if reason:
                raise TurnStopped(reason) from None
        self.durations.record(agent, took)
        return text
