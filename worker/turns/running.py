"""The turns whose agents are at work here, and what may be asked of them meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import NamedTuple

from answerback.agents import Agent, Turn
from answerback.errors import TimeExceeded
from answerback.messages import Arrival
from answerback.store import Claim, Threads

from ..durations import TurnDurations, Who, who
from .deadlines import Deadlines, Why
from .stream_writer import StreamWriter


class TurnStopped(Exception):
    """The turn was ended before its agent was done."""

    def __init__(self, why: Why) -> None:
        self.why = why
        super().__init__(why)


class _One(NamedTuple):
    task: asyncio.Task[object]
    claim: Claim
    turn: Turn
    arrival: Arrival
    agent: Agent


class Running:
    """They are found by their thread."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self.halts = Deadlines()
        self.pace = TurnDurations()
        self._turns: dict[str, _One] = {}

    def busy(self) -> Counter[Who]:
        """How many turns of each agent run now."""
        return Counter(who(one.agent) for one in self._turns.values())

    def executing(self) -> tuple[str, str]:
        """The agent and thread of the turn whose code runs at this moment; "" where that cannot be told.

        For another thread, while this one's event loop is blocked.
        """
        turns = list(self._turns.values())
        # A task of the agent's own is not the turn's: then it can be told only where there is no other turn.
        found = [one for one in turns if getattr(one.task.get_coro(), "cr_running", False)] or turns
        return (found[0].agent.name, found[0].turn.thread) if len(found) == 1 else ("", "")

    def hear(self, channel: str, said: bytes) -> None:
        """A signal as it is published."""
        self.signal(*said.decode().split("\n", 1))

    def signal(self, word: str, thread: str) -> None:
        """What somebody asks of the turn in a thread: "cancel", "interrupt", "live"."""
        if one := self._turns.get(thread):
            if word == "live":
                self._follow(one.claim, one.turn)
            elif word == "cancel":
                self.halts.halt(one.task, "cancelled")
            elif one.turn.journal.bound:
                # It must not begin anew: it would do again what may be done only once. The message waits for its end.
                pass
            elif word == "interrupt now" or (word == "interrupt" and one.arrival == "interrupt"):
                self.halts.halt(one.task, "interrupted")

    def _follow(self, claim: Claim, turn: Turn) -> None:
        if not claim.live:
            claim.live = True
            turn.stream = StreamWriter(self._threads, claim, turn.id)
            turn.stream.begin(turn.agent, turn.attempt, turn.events)

    async def think(self, claim: Claim, agent: Agent, turn: Turn, arrival: Arrival, seconds: float) -> str | None:
        """Run the agent within its time. What would end this process, or this task, from within is its failure.

        Raises `TurnStopped`, `TimeExceeded`, and whatever the agent does.
        """
        task = asyncio.current_task()
        assert task is not None
        self._turns[turn.thread] = _One(task, claim, turn, arrival, agent)
        self.halts.start(task, seconds)
        began = time.monotonic()
        try:
            text = await agent.think(turn)
            self.pace.took(agent, time.monotonic() - began)
            return text
        except SystemExit as error:
            raise RuntimeError(f"the agent called sys.exit({error.code!r})") from error
        except asyncio.CancelledError as error:
            if task.cancelling():
                raise
            raise RuntimeError("the agent cancelled itself") from error
        finally:
            del self._turns[turn.thread]
            why = self.halts.stop(task)
            if why == "expired":
                raise TimeExceeded(f"the turn took longer than {seconds:g} s") from None
            if why:
                raise TurnStopped(why) from None
