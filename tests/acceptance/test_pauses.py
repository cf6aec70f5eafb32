"""Pause, resume and drain, as an operator does it while messages come in."""

from __future__ import annotations

import asyncio
import signal

import aiohttp

from answerback.testing.standins.sender import Delivery, Slack, Standard
from tests.acceptance.system import Process, System, until
from tests.acceptance.terminal import SUPERVISOR, Done, command
from tests.standins.client import StandIns

AGENTS = "tests.acceptance.versioned:pair"


def _slow(text: str, thread: str) -> Delivery:
    """A message for the agent that is held."""
    return Standard().message(text, thread=thread, channel="slow")


async def _tool(system: System, *args: str, code: int = 0) -> Done:
    settings = {**system.settings, "REDIS_URL": system.server.url}
    done = await asyncio.to_thread(command, *args, settings=settings)
    assert done.code == code, done
    return done


async def _metric(system: System, name: str) -> list[str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{system.port}/metrics") as answer,
    ):
        return [line for line in (await answer.text()).splitlines() if line.startswith(name)]


async def test_a_paused_agent_starts_nothing_until_it_is_resumed(plain: System) -> None:
    await plain.ingress()
    first = await plain.worker(AGENTS)
    await plain.deliver("standard", _slow("running", "running"))
    await plain.marked("began-running-one-1")
    await _tool(plain, "pause", "--agent", "slow", "--reason", "wrong prices")
    await plain.deliver("standard", _slow("one", "paused"))
    await plain.deliver("standard", Standard().message("quick behind it", thread="paused"))
    await plain.deliver("standard", Standard().message("quick", thread="other"))
    await until(plain.queues, lambda q: (q.turns.paused, q.handled) == (1, 1), what="one answer, and one that waits")
    # What runs ends as usual.
    plain.release()
    await until(plain.queues, lambda q: q.handled == 2, what="the running turn's end")
    assert 'answerback_paused{scope="agent:slow"} 1.0' in await _metric(plain, "answerback_paused{")
    assert "paused: agent:slow, by " in (shown := (await _tool(plain, "queue")).out)
    assert ": wrong prices" in shown

    # It survives both workers and ingress.
    await first.stop()
    await plain.worker(AGENTS)
    await plain.deliver("standard", _slow("two", "paused too"))
    await until(plain.queues, lambda q: q.turns.paused == 2, what="both waiting")
    assert await plain.answers("standard:paused") == []
    await _tool(plain, "resume", "--agent", "slow")
    totals = await plain.quiet(5)
    assert (totals.handled, totals.dead, totals.attempts_failed, totals.turns.paused) == (5, 0, 0, 0)
    assert await plain.answers("standard:paused") == ["one", "quick"]
    assert "nothing is" in (await _tool(plain, "resume", "--agent", "slow", code=3)).err
    await until(lambda: _metric(plain, "answerback_paused{"), lambda found: found == [], what="the metric's end")


async def test_paused_replies_and_a_paused_everything(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(AGENTS)
    await _tool(system, "pause", "--replies", "slack")
    await system.deliver("slack", Slack().mention("quick"))
    await until(system.queues, lambda q: (q.handled, q.replies.paused) == (1, 1), what="an answer that waits")
    await _tool(system, "pause", "--everything")
    await _tool(system, "resume", "--replies", "slack")
    await until(system.queues, lambda q: q.replies.waiting == 1, what="a reply that waits with everything")
    await system.deliver("standard", Standard().message("quick", thread="t"))
    assert (await system.queues()).handled == 1
    assert await standins.messages() == []
    assert "say what: --agent NAME" in (await _tool(system, "resume", code=2)).err
    await _tool(system, "resume", "--everything")
    await system.quiet(2)
    assert len(await standins.messages("slack")) == 1


async def test_a_drained_worker_finishes_and_is_not_restarted(plain: System) -> None:
    await plain.ingress()
    supervisor = await plain.start(f"{SUPERVISOR} worker --processes 2", ANSWERBACK_AGENTS=AGENTS)
    await _logged(supervisor, "all processes are ready")
    await plain.deliver("standard", _slow("running", "running"))
    await plain.marked("began-running-one-1")

    async def busy() -> list[str]:
        return [report.id for report, _ in await plain.roster.workers() if report.turns]

    (id,) = await until(busy, what="a report of the turn")
    await _tool(plain, "drain", id)

    async def state() -> str:
        return next(report.state for report, _ in await plain.roster.workers() if report.id == id)

    await until(state, lambda now: now == "stopping", what="the worker draining")
    plain.release()
    await _logged(supervisor, "was drained: it is not restarted")
    assert await plain.answers("standard:running") == ["one"]
    assert len(await plain.roster.workers()) == 1
    supervisor.signal(signal.SIGHUP)
    await _logged(supervisor, "all processes were replaced")
    await until(plain.roster.workers, lambda found: len(found) == 2, what="two workers again")
    assert "no living worker" in (await _tool(plain, "drain", id, code=3)).err
    assert await supervisor.stop() == 0


async def _logged(process: Process, text: str) -> None:
    async def there() -> bool:
        assert process.alive, process.words()
        return text in process.words()

    await until(there, what=text)
