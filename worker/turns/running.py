"""The turns running in this worker, and the signals they react to."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import NamedTuple

from answerback.agents import Agent, Turn
from answerback.errors import TimeExceeded
from answerback.events import Arrival
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads

from ..durations import TurnDurations, Who, who
from .deadlines import Deadlines, Why
from .stream_writer import StreamWriter


class TurnStopped(Exception):
    """The turn was stopped before its agent finished."""

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
    """The running turns, by thread."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self.halts = Deadlines()
        self.pace = TurnDurations()
        self._turns: dict[str, _One] = {}

    def busy(self) -> Counter[Who]:
        """Return the number of running turns per agent."""
        return Counter(who(one.agent) for one in self._turns.values())

    def executing(self) -> tuple[str, str]:
        """Return the agent and thread of the turn whose code is executing now; "" if unknown.

        Called from the watchdog's thread while the event loop is blocked.
        """
        turns = list(self._turns.values())
        # The agent may have started tasks of its own: then it is known only if no other turn is running.
        candidates = [one for one in turns if getattr(one.task.get_coro(), "cr_running", False)] or turns
        return (candidates[0].agent.name, candidates[0].turn.thread) if len(candidates) == 1 else ("", "")

    def hear(self, channel: str, said: bytes) -> None:
        """Handle a published signal."""
        self.signal(*said.decode().split("\n", 1))

    def signal(self, word: str, thread: str) -> None:
        """Handle a signal for the turn in a thread: "cancel", "interrupt", "interrupt now" or "live"."""
        if one := self._turns.get(thread):
            if word == "live":
                self._follow(one.claim, one.turn)
            elif word == "cancel":
                self.halts.halt(one.task, "cancelled")
            elif one.turn.journal.bound:
                # It must not be restarted, as it would repeat steps that may run only once. The message waits instead.
                pass
            elif word == "interrupt now" or (word == "interrupt" and one.arrival == "interrupt"):
                self.halts.halt(one.task, "interrupted")

    def _follow(self, claim: Claim, turn: Turn) -> None:
        if not claim.live:
            claim.live = True
            turn.stream = StreamWriter(self._threads, claim, turn.id)
            turn.stream.begin(turn.agent, turn.attempt, turn.events)

    async def think(self, claim: Claim, agent: Agent, turn: Turn, arrival: Arrival, seconds: float) -> str | None:
        """Run the agent within its time limit. An agent that exits the process or cancels itself has failed.

        Raises:
            TurnStopped: the turn was cancelled or interrupted.
            TimeExceeded: the time limit was exceeded.
            Exception: anything the agent raises.
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
        except (Exception, GeneratorExit):
            raise
        except BaseException as error:
            if task.cancelling():
                raise
            # KeyboardInterrupt, a group of it, a library's own: it must fail the turn, not the worker.
            raise RuntimeError(f"the agent raised {type(error).__name__}: {error}") from error
        finally:
            del self._turns[turn.thread]
            why = self.halts.stop(task)
            if why == "expired":
                raise TimeExceeded(f"the turn took longer than {seconds:g} s") from None
            if why:
                raise TurnStopped(why) from None
