"""What an agent raises fails its turn, also where it would end the worker."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from answerback import Agent, Turn
from answerback.store.threads.records import Claim
from answerback.store.threads.threads import Threads
from worker.statistics import Counters
from worker.turns.running import Running


class Stray(BaseException):
    """Not an Exception, as those of some libraries."""


RAISED = {
    "sys.exit": SystemExit(1),
    "cancelled itself": asyncio.CancelledError(),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "Stray": Stray("lost"),
    "BaseExceptionGroup": BaseExceptionGroup("both", [KeyboardInterrupt()]),
}


@pytest.mark.parametrize("words", RAISED)
async def test_what_would_end_the_worker_fails_the_turn(words: str) -> None:
    async def think(turn: Turn) -> str:
        raise RAISED[words]

    agent = cast(Agent, SimpleNamespace(name="bad", think=think))
    turn = cast(Turn, SimpleNamespace(thread="github:1:1", journal=SimpleNamespace(ran=0)))
    running = Running(cast(Threads, None), Counters())
    with pytest.raises(RuntimeError, match=words):
        await running.think(cast(Claim, None), agent, turn, "queue", 10)
