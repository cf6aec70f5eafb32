"""An agent that is a language model: no request is paid twice, no tool's side effect happens twice."""

from __future__ import annotations

from itertools import pairwise

import pytest

from answerback.replies import DeadLetter
from answerback.testing.standins.sender import Standard
from tests.acceptance.system import System, until
from tests.standins.client import StandIns

MODEL = "tests.acceptance.model_agent:model"


def called(system: System) -> list[str]:
    """The tools, each time that they were really called."""
    return sorted(mark.name for mark in system.marks.glob("*.*"))


async def _killed_in_a_tool(system: System, text: str) -> str:
    """A worker begins a turn, calls a tool, and is killed in the middle of it. The thread."""
    await system.ingress()
    worker = await system.worker(MODEL)
    receipt = await system.deliver("standard", Standard().message(text, thread="t"))

    async def begun() -> list[str]:
        return called(system)

    await until(begun, what="the tool being called")
    await worker.kill()
    system.release()
    thread: str = receipt["thread"]
    return thread


async def _model_requests(standins: StandIns) -> int:
    return (await standins.counts()).get("model", {}).get("chat.completions", 0)


async def test_a_model_answers_with_its_tools_and_remembers_the_thread(system: System, standins: StandIns) -> None:
    system.release()
    await system.ingress()
    await system.worker(MODEL)
    await system.deliver("standard", Standard().message('use tool look_up {"topic": "widgets"}', thread="t"))
    await system.quiet(1)
    assert await system.answers("standard:t") == ["look_up returned: all about widgets"]
    await system.deliver("standard", Standard().message("thanks", thread="t"))
    await system.quiet(2)
    requests = await standins.requests("model", "chat.completions")
    assert len(requests) == 3
    # The last request replays the first turn as it was: the tool call and its result included.
    assert "all about widgets" in str(requests[-1].body)
    assert "look_up" in str(requests[-1].body)


async def test_a_tool_of_unknown_outcome_is_not_repeated_and_the_model_is_told(
    system: System, standins: StandIns
) -> None:
    thread = await _killed_in_a_tool(system, 'use tool look_up {"topic": "widgets"}')
    await system.worker(MODEL)
    await system.quiet(1)
    assert called(system) == ["look_up-widgets.0"]
    [answer] = await system.answers(thread)
    assert "outcome of this call" in answer
    assert await _model_requests(standins) == 2


async def test_an_idempotent_tool_is_run_again_with_the_same_key(system: System, standins: StandIns) -> None:
    thread = await _killed_in_a_tool(system, 'use tool order {"item": "widget"}')
    await system.worker(MODEL)
    await system.quiet(1)
    first, second = called(system)
    assert first.rpartition(".")[0] == second.rpartition(".")[0]
    assert await system.answers(thread) == ["order returned: ordered widget"]
    assert await _model_requests(standins) == 2


async def test_a_failing_model_is_a_retry_and_nothing_is_shown_to_the_user(system: System, standins: StandIns) -> None:
    fault = await standins.add_fault(do="status", platform="model", status=500, times=2)
    await system.ingress()
    await system.worker(MODEL)
    await system.deliver("standard", Standard().message("hello", thread="t"))
    await system.quiet(1)
    assert await standins.fired(fault) == 2
    assert await system.answers("standard:t") == ["You said: hello"]
    assert len(await standins.messages("standard")) == 1


async def test_a_model_that_says_when_to_come_back_is_asked_no_sooner(system: System, standins: StandIns) -> None:
    await standins.add_fault(do="status", platform="model", status=429, headers={"Retry-After": "2"}, times=2)
    await system.ingress()
    await system.worker(MODEL)
    await system.deliver("standard", Standard().message("hello", thread="t"))
    await system.quiet(1)
    assert await system.answers("standard:t") == ["You said: hello"]
    asked = [request.at for request in await standins.requests("model", "chat.completions")]
    assert len(asked) == 3
    assert all(later - earlier >= 2000 for earlier, later in pairwise(asked))


@pytest.mark.parametrize("status", [401, 422])
async def test_a_refusal_that_another_try_cannot_mend_is_a_dead_letter_at_once(
    system: System, standins: StandIns, status: int
) -> None:
    await standins.add_fault(do="status", platform="model", status=status)
    await system.ingress()
    await system.worker(MODEL)
    await system.deliver("standard", Standard().message("hello", thread="t"))
    await system.quiet(1)
    letter = await _dead(system)
    assert (letter.error, letter.attempts) == ("ModelRefused", 1)
    assert f"status_code: {status}" in letter.reason
    assert "Retrying will not help: " in letter.reason
    assert await _model_requests(standins) == 1


async def test_a_worker_whose_model_cannot_work_says_so_and_ends(system: System) -> None:
    process = await system.start("worker", ANSWERBACK_AGENTS=MODEL, OPENAI_API_KEY="", OPENAI_BASE_URL="")
    assert await process.wait() == 1
    assert 'agent "model"' in process.words()
    assert "OPENAI_API_KEY" in process.words()
    assert "Traceback" not in process.words()


async def _dead(system: System) -> DeadLetter:
    [letter] = [letter async for letter in system.letters.list()]
    return letter


async def test_a_turn_that_uses_too_many_tokens_ends_at_once_and_goes_on_where_it_stopped(
    system: System, standins: StandIns
) -> None:
    system.release()
    await system.ingress()
    worker = await system.worker(MODEL, TURN_MAX_TOKENS="40")
    text = 'use tool look_up {"topic": "widgets"}, use tool look_up {"topic": "gears"}' + " please" * 10
    await system.deliver("standard", Standard().message(text, thread="t"))
    await system.quiet(1)
    letter = await _dead(system)
    assert letter.reason.startswith("LimitExceeded: the turn used more than 40 tokens")
    assert letter.attempts == 1
    requests = await _model_requests(standins)
    assert requests < 3
    assert await standins.messages("standard") == []
    await worker.stop()
    # With more tokens it goes on: what was paid for is not asked again, and counts all the same.
    worker = await system.worker(MODEL, TURN_MAX_TOKENS="60")
    assert await system.letters.replay(letter.id)
    await system.quiet(2)
    assert (await _dead(system)).reason.startswith("LimitExceeded: the turn used more than 60 tokens")
    assert await _model_requests(standins) == requests + 1
    await worker.stop()
    await system.worker(MODEL)
    assert await system.letters.replay(letter.id)
    await until(lambda: standins.messages("standard"), what="the answer")
    assert await _model_requests(standins) == 3
    assert called(system) == ["look_up-gears.0", "look_up-widgets.0"]


async def test_a_turn_that_takes_too_many_steps_ends_before_it_pays_for_more(
    system: System, standins: StandIns
) -> None:
    system.release()
    await system.ingress()
    await system.worker(MODEL, TURN_MAX_STEPS="2")
    await system.deliver("standard", Standard().message('use tool look_up {"topic": "widgets"}', thread="t"))
    await system.quiet(1)
    letter = await _dead(system)
    assert letter.reason == "LimitExceeded: the turn took more than 2 steps (TURN_MAX_STEPS)"
    assert (letter.attempts, await _model_requests(standins)) == (1, 1)
    assert called(system) == ["look_up-widgets.0"]
