"""People see on their platform that an agent is at work, and no longer than that, whoever dies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from answerback.testing.standins.sender import GitHub, Slack
from tests.acceptance.system import System, until
from tests.standins.client import StandIns

WORKS = "tests.acceptance.agents:works"


@asynccontextmanager
async def slack(folder: Path, **options: Any) -> AsyncIterator[tuple[System, StandIns]]:
    """A system whose Slack is as the options say."""
    async with (
        StandIns.start(folder, **options) as standins,
        System.running(folder, standins.environment()) as system,
    ):
        await standins.send_webhooks_to(f"http://127.0.0.1:{system.port}/webhooks/{{platform}}")
        await system.ingress()
        yield system, standins


async def statuses(standins: StandIns) -> list[str]:
    """The status lines that people see."""
    return [each["status"] for each in (await standins.state("slack"))["statuses"]]


async def sessions(standins: StandIns) -> list[str]:
    """The states of the sessions that people see."""
    return [each["status"] for each in (await standins.state("slack"))["sessions"]]


async def say(system: System, text: str = "hello") -> None:
    """Write to the agents."""
    await system.deliver("slack", Slack().message(text))


async def test_a_status_is_shown_and_gone_with_the_reply(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(WORKS)
    await say(system)
    await until(lambda: statuses(standins), lambda seen: seen == ["Searching the tracker…"], what="the status")
    assert await sessions(standins) == ["processing"]
    system.release()
    await standins.wait_for_messages(1, "slack")
    await until(lambda: sessions(standins), lambda seen: seen == ["active"], what="the end of the session")
    await until(lambda: statuses(standins), lambda seen: not seen, what="the end of the status")


async def test_a_turn_without_a_reply_and_an_app_that_is_no_agent(tmp_path: Path) -> None:
    async with slack(tmp_path, slack_agent=False) as (system, standins):
        await system.worker(WORKS)
        await say(system, "be silent")
        await until(lambda: statuses(standins), lambda seen: seen == ["Searching the tracker…"], what="the status")
        system.release()
        await until(lambda: statuses(standins), lambda seen: not seen, what="the end of the status")
        assert await sessions(standins) == []
        assert not await standins.messages("slack")


async def test_what_a_killed_worker_showed_is_taken_away_after_the_next_attempt(
    system: System, standins: StandIns
) -> None:
    await system.ingress()
    worker = await system.worker(WORKS)
    await say(system, "be silent")
    await until(lambda: sessions(standins), lambda seen: seen == ["processing"], what="the status")
    await worker.kill()
    await system.worker(WORKS)
    await system.marked("working-2")
    assert await sessions(standins) == ["processing"]
    system.release(2)
    await until(lambda: sessions(standins), lambda seen: seen == ["active"], what="the end of the status")
    await until(lambda: statuses(standins), lambda seen: not seen, what="the end of the status line")


async def test_what_a_worker_left_that_died_after_its_turn_is_swept_up(system: System, standins: StandIns) -> None:
    await system.ingress()
    worker = await system.worker(WORKS)
    await say(system, "be silent")
    await until(lambda: statuses(standins), bool, what="the status")
    hang = await standins.add_fault(do="hang", platform="slack", operation="*setStatus", seconds=60)
    system.release()
    await system.quiet(1)
    await worker.kill()
    await standins.remove_fault(hang)
    await system.worker(WORKS)
    await until(lambda: statuses(standins), lambda seen: not seen, what="the sweep")
    assert await sessions(standins) == ["active"]


async def test_neither_a_limit_nor_a_platform_that_hangs_delays_a_reply(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(WORKS)
    for fault in ("rate-limit", "hang"):
        rule = await standins.add_fault(platform="slack", operation="*setStatus", do=fault, seconds=60)
        before = len(await standins.messages("slack"))
        await say(system)

        async def fired(rule: int = rule) -> bool:
            return bool(await standins.fired(rule))

        await until(fired, what="the fault")
        system.release()
        async with asyncio.timeout(4):  # less than any of the faults takes
            while len(await standins.messages("slack")) == before:
                await asyncio.sleep(0.02)
        await standins.remove_fault(rule)
        async for pause in system.database.scan("ab:pause:*"):
            await system.database.call("DEL", pause)
        (system.marks / "released-1").unlink()


async def reactions(standins: StandIns) -> list[tuple[str, str]]:
    """What was done with reactions on GitHub, in order: the operation, and the reaction that was given."""
    asked = [one for one in await standins.requests("github") if one.operation.startswith("reactions/")]
    given = [json.loads(one.body).get("content", "") if one.body else "" for one in asked]
    return [(one.operation.partition("-")[0], content) for one, content in zip(asked, given, strict=True)]


async def test_a_comment_gets_eyes_which_are_exchanged_for_the_outcome(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker("tests.acceptance.agents:shows_outcome")
    comment = GitHub().issue_comment("hello")
    await standins.knows(comment)
    await system.deliver("github", comment)
    await until(lambda: reactions(standins), bool, what="the reaction")
    system.release()
    await standins.wait_for_messages(1, "github")

    def exchanged(done: list[tuple[str, str]]) -> bool:
        return ("reactions/create", "hooray") in done and done[-1][0] == "reactions/delete"

    await until(lambda: reactions(standins), exchanged, what="the outcome")
