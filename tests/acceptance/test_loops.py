"""Programs that answer each other: each is answered where it asks, and no two for ever."""

from __future__ import annotations

from pathlib import Path

from answerback.testing.standins.sender import GitHub
from tests.acceptance.system import System, until
from tests.standins.client import StandIns

ACKNOWLEDGE = "tests.acceptance.agents:acknowledges"
TURNS = 6


async def test_another_bots_acknowledgements_are_not_answered(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(ACKNOWLEDGE)
    await system.deliver("github", GitHub().issue_comment("@answerbot please look", number=7))
    await standins.wait_for_messages(1, "github")
    bot = GitHub(login="coderabbitai[bot]", user_id=136622811, user_type="Bot")
    for number in range(3):
        words = "`@AnswerBot`, acknowledged. No action taken."
        assert (await system.deliver("github", bot.issue_comment(words, number=7)))["status"] == "accepted"
        await system.quiet(2 + number)
    assert len(await standins.messages("github")) == 1
    # People are, and so is a bot that says whom it means.
    await system.deliver("github", GitHub().issue_comment("And now?", number=7))
    await system.deliver("github", bot.issue_comment("@answerbot, over to you", number=7))
    await standins.wait_for_messages(3, "github")


async def test_two_of_us_that_look_like_people_stop_answering_each_other(tmp_path: Path) -> None:
    """Machine users: both were mentioned once, both answer in threads that they answered in."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    async with StandIns.start(tmp_path, github_token="ghp_one,ghp_two") as standins:
        settings = {**standins.environment(), "LOOP_TURNS": str(TURNS)}
        async with (
            System.running(folders[0], settings) as one,
            System.running(folders[1], {**settings, "GITHUB_TOKEN": "ghp_two"}) as two,
        ):
            both = (one, two)
            urls = [f"http://127.0.0.1:{system.port}/webhooks/{{platform}}" for system in both]
            await standins.send_webhooks_to(" ".join(urls))
            workers = []
            for system in both:
                await system.ingress()
                workers.append(await system.worker(ACKNOWLEDGE))
            thread = ""
            for system in both:
                receipt = await system.deliver(
                    "github", GitHub().issue_comment("@answerbot, @answerbot2: which of you?", number=7)
                )
                thread = receipt["thread"]

            async def stopped() -> list[int]:
                return [(await system.transcript(thread)).thread.loop for system in both]

            # As soon as one of them stops, the other one has nothing to answer any more.
            await until(stopped, any, what="the loop being noticed")
            last = -1

            async def still() -> bool:
                nonlocal last
                before, last = last, len(await standins.messages("github"))
                for system in both:
                    found = await system.queues()
                    if (
                        found.events_waiting
                        or found.turns.in_flight
                        or found.replies.waiting
                        or found.replies.in_flight
                    ):
                        return False
                return before == last

            await until(still, what="both being quiet")
            # Each may be in the middle of one more, and has begun with what nobody had reacted to.
            assert TURNS <= last <= 2 * (TURNS + 3)
            noticed = [worker for worker in workers if "programs seem to answer each other" in worker.words()]
            assert noticed
            assert sum([(await system.queues()).loops for system in both]) >= 1
            # Elsewhere they go on.
            await one.deliver("github", GitHub().issue_comment("@answerbot?", number=8))
            await standins.wait_for_messages(last + 1, "github")
