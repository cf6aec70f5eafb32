"""What real processes count while a language model answers, and fails once."""

from __future__ import annotations

import signal

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from answerback.testing.standins.sender import Slack, Standard
from tests.acceptance.system import System, free_port, until
from tests.standins.client import StandIns

Samples = dict[tuple[str, tuple[str, ...]], float]


async def _scraped(port: int) -> Samples:
    """The samples that a process exposes, by name and the values of their labels in the order of their names."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        families = text_string_to_metric_families(await answer.text())
    return {
        (each.name, tuple(dict(sorted(each.labels.items())).values())): each.value
        for family in families
        for each in family.samples
    }


async def test_a_worker_counts_turns_models_tools_replies_and_waits(system: System, standins: StandIns) -> None:
    await standins.add_fault(do="status", platform="model", status=500, times=1)
    system.release()
    port = free_port()
    await system.ingress()
    await system.worker("tests.acceptance.model_agent:model", WORKER_METRICS_PORT=str(port))
    await system.deliver("standard", Standard().message('use tool look_up {"topic": "widgets"}', thread="t"))
    await system.quiet(1)

    async def samples() -> Samples:
        return await _scraped(port)

    name = "answerback_replies_total", ("message", "sent", "standard")
    found = await until(samples, lambda samples: samples.get(name) == 1, what="the reply being counted")
    expected: Samples = {
        ("answerback_turns_total", ("model", "completed")): 1,
        ("answerback_turns_total", ("model", "failed")): 0,
        ("answerback_turn_attempts_total", ("model",)): 2,
        ("answerback_turn_failures_total", ("model", "unreachable")): 1,
        ("answerback_turn_duration_seconds_count", ("model",)): 2,
        ("answerback_turn_wait_seconds_count", ("model",)): 1,
        ("answerback_model_requests_total", ("model", "standin", "failed")): 1,
        ("answerback_model_requests_total", ("model", "standin", "done")): 2,
        ("answerback_tool_calls_total", ("model", "done", "look_up")): 1,
        ("answerback_reply_time_seconds_count", ("standard",)): 1,
        ("answerback_turns_running", ()): 0,
        ("answerback_redis_unavailable_seconds", ()): 0,
    }
    assert {sample: found.get(sample) for sample in expected} == expected
    # The failed request, two responses and a tool call.
    assert found["answerback_steps_total", ("model",)] == 4
    assert found["answerback_model_tokens_total", ("model", "standin", "input")] > 0
    assert found["answerback_reply_time_seconds_sum", ("standard",)] > 0
    assert found["answerback_event_loop_lag_seconds_count", ()] > 0
    assert found["answerback_redis_call_duration_seconds_count", ()] > 0

    ingress = await _scraped(system.port)
    assert ingress["answerback_deliveries_total", ("standard", "202")] == 1
    assert ingress["answerback_redis_call_duration_seconds_count", ()] > 0
    assert ingress["answerback_threads", ("turns", "waiting")] == 0


async def test_a_worker_counts_pauses_of_platforms_and_the_leases_that_it_lost(
    system: System, standins: StandIns
) -> None:
    await standins.add_fault(platform="slack", operation="chat.postMessage", do="rate-limit", times=1, seconds=1)
    agents, port = "tests.acceptance.versioned:pair", free_port()
    await system.ingress()
    stalled = await system.worker(agents, WORKER_METRICS_PORT=str(port))
    await system.deliver("slack", Slack().mention("quick"))
    await system.deliver("standard", Standard().message("stalled", thread="t", channel="slow"))
    await system.marked("began-stalled-one-1")
    await until(system.queues, lambda q: q.replies_sent == 1, what="the reply being sent after the pause")
    stalled.signal(signal.SIGSTOP)
    await system.worker(agents)
    await system.marked("began-stalled-one-2")
    stalled.signal(signal.SIGCONT)

    async def samples() -> Samples:
        return await _scraped(port)

    name = "answerback_leases_lost_total", ("ready",)
    found = await until(samples, lambda samples: samples.get(name) == 1, what="the lost lease being counted")
    assert found["answerback_rate_limit_pauses_total", ("slack",)] == 1
    assert found["answerback_rate_limit_pause_seconds_total", ("slack",)] >= 1
    system.release()
    await system.quiet(2)
    assert await system.answers("standard:t") == ["one"]
