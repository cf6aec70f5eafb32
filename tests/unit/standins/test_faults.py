"""The stand-ins' faults: they go wrong exactly when they are told to."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.standins.bench import COMMENTS, GITHUB, LOST, MODEL, SLACK, Bench


@pytest.mark.parametrize(("do", "stored"), [("drop", []), ("drop-after", ["x"]), ("truncate", ["x"])])
async def test_a_lost_connection_tells_nothing_of_what_was_stored(bench: Bench, do: str, stored: list[str]) -> None:
    rule = await bench.standins.add_fault(platform="github", operation="issues/create-*", do=do, times=1)
    with pytest.raises(LOST):
        await bench.comment("x")
    assert await bench.bodies() == stored
    assert await bench.standins.fired(rule) == 1
    (lost,) = await bench.standins.requests("github")
    assert lost.fault == do
    await bench.comment("y")
    assert await bench.bodies() == [*stored, "y"]


async def test_a_stall_works_before_or_after_the_client_gave_up(bench: Bench) -> None:
    async def give_up(text: str, rule: int) -> None:
        asking = asyncio.create_task(bench.comment(text))
        await bench.standins.wait_until_fired(rule)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    await give_up("kept", await bench.standins.add_fault(do="stall-after", seconds=30, times=1))
    assert [one.body for one in await bench.standins.wait_for_messages(1)] == ["kept"]
    await give_up("late", await bench.standins.add_fault(do="stall", seconds=1.5, times=1))
    assert await bench.bodies() == ["kept"]
    assert [one.body for one in await bench.standins.wait_for_messages(2)] == ["kept", "late"]


async def test_a_reset_ends_what_hangs_and_forgets_everything(bench: Bench) -> None:
    for do in ("hang", "stall"):
        rule = await bench.standins.add_fault(do=do, seconds=60)
        hanging = asyncio.create_task(bench.comment("never"))
        await bench.standins.wait_until_fired(rule)
        await bench.standins.reset()
        with pytest.raises(LOST):
            await hanging
    assert await bench.bodies() == []
    assert await bench.standins.faults() == []
    assert await bench.standins.counts() == {}


async def test_a_fault_answers_with_the_status_it_is_told(bench: Bench) -> None:
    await bench.standins.add_fault(
        platform="github", do="status", status=422, body={"message": "no"}, headers={"X-A": "b"}
    )
    status, found, headers = await bench.ask("POST", COMMENTS, json={"body": "x"}, headers=GITHUB)
    assert (status, found, headers["x-a"]) == (422, {"message": "no"}, "b")
    await bench.standins.add_fault(platform="slack", do="status", status=502, body="<html>Bad gateway</html>")
    async with bench.session.post(f"{bench.url}/slack/auth.test", headers=SLACK) as response:
        assert (response.status, await response.text()) == (502, "<html>Bad gateway</html>")


async def test_each_platform_limits_rates_in_its_own_way(bench: Bench) -> None:
    secondary = await bench.standins.add_fault(do="rate-limit", seconds=2)
    status, found, headers = await bench.ask("POST", COMMENTS, json={"body": "x"}, headers=GITHUB)
    assert (status, headers["retry-after"]) == (429, "2")
    assert "secondary rate limit" in found["message"]
    status, found, headers = await bench.ask("POST", "/slack/chat.postMessage", json={}, headers=SLACK)
    assert (status, found, headers["retry-after"]) == (429, {"ok": False, "error": "ratelimited"}, "2")
    assert (await bench.ask("POST", "/model/v1/chat/completions", json={}, headers=MODEL))[0] == 429
    assert (await bench.ask("POST", "/standard"))[2]["retry-after"] == "2"
    await bench.standins.remove_fault(secondary)
    await bench.standins.add_fault(do="rate-limit", limit="primary", seconds=60)
    status, _, headers = await bench.ask("POST", COMMENTS, json={"body": "x"}, headers=GITHUB)
    assert (status, headers["x-ratelimit-remaining"]) == (403, "0")
    assert 0 < int(headers["x-ratelimit-reset"]) - time.time() <= 61
    assert (await bench.graphql("{ viewer { login } }"))["errors"][0]["type"] == "RATE_LIMITED"


async def test_each_platform_refuses_for_a_moment_in_its_own_way(bench: Bench) -> None:
    await bench.standins.add_fault(do="refuse")
    said = [await bench.ask("POST", COMMENTS, json={"body": "x"}, headers=GITHUB) for _ in range(4)]
    assert [status for status, _, _ in said] == [404, 422, 401, 404]
    assert said[1][1]["errors"][0]["message"].startswith("Could not resolve to a node")
    assert (await bench.graphql("{ viewer { login } }"))["errors"][0]["type"] == "NOT_FOUND"
    found = (await bench.ask("POST", "/slack/chat.postMessage", json={}, headers=SLACK))[1]
    assert found == {"ok": False, "error": "channel_not_found"}
    assert [(await bench.ask("POST", "/standard"))[0] for _ in range(3)] == [404, 503, 409]


async def test_faults_count_and_roll_their_dice_the_same_way_each_time(bench: Bench) -> None:
    async def statuses(**rule: Any) -> list[int]:
        await bench.standins.reset()
        await bench.standins.add_fault(do="status", status=500, **rule)
        return [(await bench.ask("GET", "/github/user", headers=GITHUB))[0] for _ in range(12)]

    assert await statuses(after=2, times=3) == [200] * 2 + [500] * 3 + [200] * 7
    first = await statuses(probability=0.5, seed=4)
    assert {200, 500} == set(first)
    assert await statuses(probability=0.5, seed=4) == first
    assert await statuses(operation="issues/*") == [200] * 12
    assert await statuses(contains="GET /github/user") == [500] * 12
    fault = (await bench.standins.faults())[0]
    assert (fault.matched, fault.fired) == (12, 12)
    assert await bench.standins.counts() == {"github": {"users/get-authenticated": 12}}


async def test_a_rule_that_makes_no_sense_is_refused(bench: Bench) -> None:
    assert (await bench.ask("POST", "/_standin/faults", json=[{"do": "explode"}]))[0] == 400
    assert (await bench.ask("POST", "/_standin/faults", json=[{"do": "drop", "tims": 1}]))[0] == 400
    assert await bench.standins.faults() == []
