"""One attempt of a turn in memory: its task, and what may stop it."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Literal

from answerback.agents.agent import Agent
from answerback.agents.containment import think
from answerback.agents.llm.replacement import replacement
from answerback.agents.memory.killing import Killed
from answerback.agents.turn import Turn
from answerback.errors import TimeExceeded
from answerback.events import Event

if TYPE_CHECKING:
    from pydantic_ai.models import Model

StopReason = Literal["cancelled", "interrupted"]

TICK = 0.2
"""Seconds until an agent that has swallowed its cancellation is cancelled again."""


class TurnStopped(Exception):
    """The turn was stopped before its agent finished."""

    def __init__(self, reason: StopReason) -> None:
        self.reason = reason
        super().__init__(reason)


class Attempt:
    """A running attempt.

    Args:
        interruptible: Whether any event that arrives interrupts it.
        model: The model that runs instead of each agent's own.
    """

    def __init__(self, agent: Agent, turn: Turn, *, interruptible: bool, model: Model | None) -> None:
        self._agent = agent
        self._turn = turn
        self._interruptible = interruptible
        self._model = model
        self._stop: asyncio.Future[StopReason | Literal["killed"]] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[str | None] | None = None

    async def run(self, seconds: float) -> str | None:
        """Run the agent within its time limit.

        Raises:
            TurnStopped: The turn was cancelled or interrupted.
            TimeExceeded: The time limit was exceeded.
            Killed: The turn has reached a kill point. Its task waits there until the thread is closed.
            Exception: Anything the agent raises.
        """
        context = copy_context()
        if self._model is not None:
            context.run(replacement.set, self._model)
        self.task = task = asyncio.create_task(think(self._agent, self._turn), context=context)
        either: set[asyncio.Future[Any]] = {task, self._stop}
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await cancel(task)
            raise
        reason = self._stop.result() if self._stop.done() else None
        if reason == "killed":
            raise Killed
        expired = reason is None and not task.done()
        await cancel(task)
        if reason is not None:
            raise TurnStopped(reason)
        if expired:
            raise TimeExceeded(f"the turn took longer than {seconds:g} s")
        return task.result()

    def stop(self, reason: StopReason) -> None:
        """Stop the agent."""
        if not self._stop.done():
            self._stop.set_result(reason)

    def receive(self, event: Event) -> None:
        """Interrupt the turn if its agent or an event that has arrived wants that."""
        # A turn that would repeat steps which may run only once is not restarted: the event waits instead.
        if (self._interruptible or event.arrival == "interrupt") and not self._turn.journal.bound:
            self.stop("interrupted")

    async def die(self) -> None:
        """End this attempt where it stands: it gets no further, and sees no exception."""
        if not self._stop.done():
            self._stop.set_result("killed")
        await asyncio.Event().wait()


async def cancel(task: asyncio.Task[str | None]) -> None:
    """Cancel a task until it has ended."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=TICK)
