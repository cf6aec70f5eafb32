"""What was said in a thread before the agents came: read once, in its order, with its authors, and gaps are told."""

from __future__ import annotations

from pathlib import Path

from answerback.testing.standins.journal import Posted
from answerback.testing.standins.sender import GitHub
from tests.acceptance.system import System, until
from tests.acceptance.test_presence import slack
from tests.standins.client import StandIns

RECALLS = "tests.acceptance.agents:recalls"
MISSING = "-: (Messages are missing here. They have not been read yet.)"
CHANNEL = "C024BE91L"


class Thread:
    """A thread on Slack that people write in."""

    def __init__(self, standins: StandIns) -> None:
        self.standins = standins
        self.ts = ""

    async def said(self, *texts: str, user: str = "UADA") -> None:
        """What was said while nobody listened."""
        for text in texts:
            found = await self.standins.say("slack", text=text, user=user, **self._place())
            self.ts = self.ts or found["ts"]

    async def overheard(self, text: str, user: str = "UADA") -> None:
        """A message of which Slack tells us."""
        await self.standins.act("slack", "say", text=text, user=user, **self._place())

    async def mention(self, text: str = "what was said?", user: str = "UBOB") -> None:
        """A question to the agents."""
        await self.overheard(f"<@U0ANSWERBOT> {text}", user)

    async def answer(self, count: int = 1) -> list[str]:
        """The messages of the last of so many answers."""
        found: list[Posted] = await self.standins.wait_for_messages(count, "slack")
        return found[count - 1].body.split(" | ")

    async def read(self) -> int:
        """How often the thread was read."""
        return (await self.standins.counts()).get("slack", {}).get("conversations.replies", 0)

    def _place(self) -> dict[str, str]:
        return {"channel": CHANNEL, **({"thread_ts": self.ts} if self.ts else {})}


async def test_a_mention_in_the_middle_of_a_thread_is_answered_with_what_was_said_before(
    system: System, standins: StandIns
) -> None:
    await system.ingress()
    await system.worker(RECALLS)
    thread = Thread(standins)
    await thread.said("the build is red", "since when?")
    await thread.overheard("since noon", "UEVE")
    await system.quiet(1)
    await thread.said("look at this", user="UEVE")
    await thread.mention()
    said = ["UADA: the build is red", "UADA: since when?", "UEVE: since noon", "UEVE: look at this"]
    assert await thread.answer() == said
    await thread.mention("and now?")
    answers = await thread.answer(2)
    assert answers[:4] == said
    assert answers[4] == "UBOB: @answerbot what was said?"
    assert answers[5] == "us: UADA: the build is red"  # our own answer, which is split here
    assert await thread.read() == 1
    messages = (await system.transcript(f"slack:{standins.options.slack_team}:{CHANNEL}:{thread.ts}")).messages
    assert len({message.id for message in messages}) == len(messages) == 8


async def test_a_thread_that_begins_with_the_mention_is_not_read(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(RECALLS)
    thread = Thread(standins)
    await thread.mention()
    assert await thread.answer() == ["nothing"]
    assert await thread.read() == 0


async def test_of_a_long_thread_the_first_and_the_newest_messages_are_read(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker("tests.acceptance.agents:recalls_little")
    thread = Thread(standins)
    await thread.said(*(f"message {number}" for number in range(20)))
    await thread.mention()
    assert await thread.answer() == [
        "UADA: message 0", "-: (Messages are missing here.)", "UADA: message 18", "UADA: message 19"
    ]  # fmt: skip


async def test_where_an_app_may_read_little_the_gap_is_told_and_filled_later(tmp_path: Path) -> None:
    async with slack(tmp_path, slack_history_seconds=1) as (system, standins):
        await system.worker(RECALLS)
        thread = Thread(standins)
        await thread.said(*(f"message {number}" for number in range(24)))
        await thread.overheard("overheard", "UEVE")
        await system.quiet(1)
        await thread.mention()
        first = [f"UADA: message {number}" for number in range(16)]
        assert await thread.answer() == [*first, MISSING, "UEVE: overheard"]

        async def over() -> bool:
            return not [key async for key in system.database.scan("ab:pause:*")]

        await until(over, what="the end of the pause")
        await thread.mention("and now?")
        answer = await thread.answer(2)
        assert answer[:25] == [*(f"UADA: message {number}" for number in range(24)), "UEVE: overheard"]
        assert answer[25] == "UBOB: @answerbot what was said?"


async def test_a_refusal_is_told_and_the_turn_goes_on(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(RECALLS)
    thread = Thread(standins)
    await thread.said("the build is red")
    body = {"ok": False, "error": "missing_scope", "needed": "channels:history"}
    await standins.add_fault(platform="slack", operation="conversations.replies", do="status", status=200, body=body)
    await thread.mention()
    assert await thread.answer() == ["-: (Messages are missing here.)"]
    await thread.mention("and now?")
    assert (await thread.answer(2))[0] == "-: (Messages are missing here.)"
    assert await thread.read() == 1


async def test_a_worker_that_dies_after_it_has_read_does_not_let_another_read_again(
    system: System, standins: StandIns
) -> None:
    await system.ingress()
    worker = await system.worker(RECALLS)
    thread = Thread(standins)
    await thread.said("the build is red")
    await thread.mention("wait, what was said?")
    await system.marked("recalled-1")
    await worker.kill()
    await system.worker(RECALLS)
    await system.marked("recalled-2")
    system.release()
    assert await thread.answer() == ["UADA: the build is red"]
    assert await thread.read() == 1


async def test_on_github_comments_are_read_and_one_that_comes_late_is_not_doubled(
    system: System, standins: StandIns
) -> None:
    await system.ingress()
    await system.worker(RECALLS)
    late, mention = GitHub().issue_comment("it squeaks"), GitHub().issue_comment("@answerbot what was said?")
    await standins.knows(late)
    await standins.say("github", number=7, body="since when?", login="ada", user_id=7)
    await standins.knows(mention)
    await system.deliver("github", mention)
    [answer] = await standins.wait_for_messages(1, "github")
    assert answer.body.startswith("583231: it squeaks | 7: since when?")
    await system.deliver("github", late)
    await system.quiet(2)
    thread = next(iter({message.thread for message in await standins.messages("github")}))
    assert thread
    again = GitHub().issue_comment("@answerbot and now?")
    await system.deliver("github", again)
    assert (await standins.wait_for_messages(2, "github"))[1].body.count("583231: it squeaks") == 2  # and our answer
