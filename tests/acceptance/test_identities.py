"""Who we are on a platform, in real processes: when Redis forgets it, and when the platform does not tell."""

from __future__ import annotations

from answerback.testing.standins.sender import GitHub, Slack
from tests.acceptance.system import System, until
from tests.standins.client import StandIns

ADDRESSED = "tests.acceptance.agents:addressed"


async def test_an_emptied_redis_does_not_make_us_answer_ourselves(system: System, standins: StandIns) -> None:
    """FLUSHALL under running processes: the webhook of our own comment may come before anybody has looked after it."""
    await system.ingress()
    await system.worker(ADDRESSED)
    await system.deliver("github", GitHub().issue_comment("Hello, @answerbot", number=7))
    await standins.wait_for_messages(1, "github")
    await standins.wait_for_deliveries(1)
    await system.database.call("FLUSHALL")
    options = standins.options
    us = GitHub(login=options.github_login, user_id=options.github_user_id)
    receipt = await system.deliver("github", us.issue_comment("echo: Hello, @answerbot", number=7))
    await system.deliver("github", GitHub().issue_comment("Are you there, @answerbot?", number=7))
    second = (await standins.wait_for_messages(2, "github"))[1]
    assert second.body.startswith("echo: Are you there")
    await standins.wait_for_deliveries(2)
    await system.quiet(1)
    assert len(await standins.messages("github")) == 2
    # What was said before is read from GitHub, where the comment is ours.
    messages = (await system.transcript(receipt["thread"])).messages
    assert {one.role for one in messages if one.text == "echo: Hello, @answerbot"} <= {"assistant"}

    async def told_again() -> bool:
        return "github" in await system.roster.identities()

    await until(told_again, what="our identity being written again")
    receipt = await system.deliver("github", us.issue_comment("echo: again, @answerbot", number=8))
    assert (receipt["status"], receipt["reason"]) == ("ignored", "our own message")


async def test_a_token_without_an_account_holds_up_its_platform_and_nothing_else(
    system: System, standins: StandIns
) -> None:
    refusal = {"message": "Resource not accessible by integration"}
    rule = await standins.add_fault(platform="github", operation="users/*", do="status", status=403, body=refusal)
    await system.ingress()
    worker = await system.worker(ADDRESSED)
    for number in range(40):
        await system.deliver("github", GitHub().issue_comment("Hello, @answerbot", number=number + 1))
    await system.deliver("slack", Slack().mention("<@U0ANSWERBOT> hello"))
    await standins.wait_for_messages(1, "slack")

    async def refused() -> int:
        return len(worker.lines("bot identity not resolved; events on this platform wait"))

    await until(refused, what="the log naming it")
    assert "GITHUB_APP_ID" in worker.lines("bot identity not resolved; events on this platform wait")[0]["error"]
    before = (await system.database.call("INFO", "stats"))["total_commands_processed"]
    seen = await refused()
    await until(refused, lambda found: found > seen, what="another try")
    after = (await system.database.call("INFO", "stats"))["total_commands_processed"]
    # Some heartbeats, and each thread claimed once or twice: not round and round.
    assert after - before < 2000
    await standins.remove_fault(rule)
    await standins.wait_for_messages(40, "github", within=60)
