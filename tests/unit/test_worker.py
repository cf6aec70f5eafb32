"""The parts of a worker, each on its own: time limits, restarts, backoff, and how the parts are put together."""

from __future__ import annotations

import asyncio
import time
from typing import cast

import pytest
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from answerback import Agent
from answerback.agents.demo import agent as demo
from answerback.deadlines import Deadlines
from answerback.restarts import RestartPause
from answerback.settings import Settings
from answerback.store.redis import Database
from worker.background import run_forever
from worker.wiring import wire


async def test_a_restart_pause_grows_up_to_the_longest() -> None:
    pauses: list[float] = []

    async def record(seconds: float) -> None:
        pauses.append(seconds)

    async def fail() -> None:
        raise OSError

    restarting = AsyncRetrying(
        retry=retry_if_exception_type(OSError), wait=RestartPause(first=1.0, longest=5.0), sleep=record,
        stop=stop_after_attempt(6), reraise=True,
    )  # fmt: skip
    with pytest.raises(OSError):
        await restarting(fail)
    assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_restart_pause_is_the_first_again_after_a_long_run(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr("answerback.restarts.time.monotonic", lambda: now)
    pause, state = RestartPause(first=1.0, longest=5.0), RetryCallState(AsyncRetrying(), None, (), {})

    def after(run: float) -> float:
        nonlocal now
        now += run
        seconds = pause(state)
        now += seconds
        state.prepare_for_next_attempt()
        return seconds

    assert [after(0.1), after(0.1), after(4.9)] == [1.0, 2.0, 4.0]
    assert [after(5.1), after(0.1), after(0.1)] == [1.0, 2.0, 4.0]


async def test_a_service_that_ends_or_fails_is_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr("worker.background.asyncio.sleep", lambda seconds: sleep(0))
    runs = 0
    third = asyncio.Event()

    class Service:
        async def keep(self) -> None:
            nonlocal runs
            runs += 1
            if runs == 1:
                raise LookupError
            if runs == 3:
                third.set()
                await asyncio.Event().wait()

    task = asyncio.create_task(run_forever(Service()))
    async with asyncio.timeout(10):
        await third.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert runs == 3


class Stopped:
    """A task under a time limit, and why it was stopped."""

    def __init__(self, deadlines: Deadlines, seconds: float, *, stubborn: int = 0) -> None:
        self.cancellations = 0
        self._deadlines = deadlines
        self._seconds = seconds
        self._stubborn = stubborn
        self.started = asyncio.Event()
        self.task: asyncio.Task[object] = asyncio.create_task(self._run())

    async def _run(self) -> object:
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._deadlines.start(task, self._seconds)
        self.started.set()
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancellations += 1
                if self.cancellations > self._stubborn:
                    reason = self._deadlines.stop(task)
                    assert not task.cancelling(), "the cancellation is undone"
                    return reason


async def test_a_turn_is_stopped_for_the_first_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("answerback.deadlines.TICK", 0.01)
    deadlines = Deadlines()
    keeping = asyncio.create_task(deadlines.keep())
    expired, cancelled = Stopped(deadlines, 0.0), Stopped(deadlines, 600)
    stubborn = Stopped(deadlines, 0.0, stubborn=2)
    async with asyncio.timeout(10):
        await cancelled.started.wait()
        deadlines.cancel(cancelled.task, "cancelled")
        deadlines.cancel(cancelled.task, "interrupted")
        assert await expired.task == "expired"
        assert await cancelled.task == "cancelled"
        assert await stubborn.task == "expired"
    assert stubborn.cancellations == 3, "an agent that swallows its cancellation is cancelled again"
    keeping.cancel()


async def test_a_task_without_a_time_limit_is_not_cancelled() -> None:
    task: asyncio.Task[object] = asyncio.create_task(asyncio.sleep(0, "done"))
    Deadlines().cancel(task, "cancelled")
    assert await task == "done"


async def test_a_worker_is_put_together_without_a_request() -> None:
    settings = Settings.load({"REDIS_URL": "redis://127.0.0.1:1", "WORKER_CONCURRENCY": "3"})
    database = Database(settings.redis())
    parts = wire(settings, [demo, Agent("other", demo.think)], database)
    try:
        assert [agent.name for agent in parts.agents.own] == ["demo", "other"]
        assert (len(parts.turn_claimer), len(parts.reply_claimer)) == (0, 0)
        assert {job.name for job in parts.cron_jobs} == {
            "forget_silent_workers", "purge_ephemeral_chats", "delete_unused_files", "drop_idle_threads",
        }  # fmt: skip
        assert await parts.health.why_not() == "starting"
        parts.heartbeat.tried.set()
        assert await parts.health.why_not() == ""
        parts.turns.stop()
        assert await parts.health.why_not() == "stopping"
    finally:
        await database.close()
