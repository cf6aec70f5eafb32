"""Telegram: what people do there is answered where they did it, by webhook and by polling. Real processes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import aiohttp

from answerback.store.fleet.connections import Connections
from answerback.testing.standins.journal import Posted
from tests.acceptance.system import Process, System, until
from tests.standins.client import StandIns

AGENTS = "tests.acceptance.telegram_agents:agents"
TWICE = "outcome unknown; posting the reply again, it may appear twice"
ADA, GROUP, SUPERGROUP, FORUM = 279058397, -5012345678, -1002345678999, -1002345678902
QUICK = {"REPLY_LATE_SECONDS": "0.5", "TURN_RETRY_BASE_SECONDS": "0.1", "LEASE_SECONDS": "2"}


class Chat:
    """What is said on Telegram, and what is answered."""

    def __init__(self, standins: StandIns) -> None:
        self.standins = standins
        self._seen = 0

    async def act(self, act: str, **details: Any) -> Any:
        return await self.standins.act("telegram", act, **details)

    async def say(self, text: str, chat: int = ADA, **more: Any) -> Any:
        return await self.act("say", chat=chat, text=text, **more)

    async def new(self, number: int = 1) -> list[Posted]:
        """The next messages of ours."""
        found = (await self.standins.wait_for_messages(self._seen + number, "telegram", within=40))[self._seen :]
        self._seen += number
        assert len(found) == number, found
        return found

    async def asked(self, text: str, chat: int = ADA, **more: Any) -> tuple[str, str]:
        """Say something. Where it is answered, and how."""
        await self.say(text, chat, **more)
        (found,) = await self.new()
        return found.thread, found.body


async def test_what_people_do_is_answered_where_they_do_it(system: System, standins: StandIns) -> None:
    await system.ingress()
    worker = await system.worker(AGENTS, **QUICK)
    chat = Chat(standins)
    # In private, in groups and in topics.
    assert await chat.asked("hello") == (str(ADA), "hello")
    assert await chat.asked("@answerbot hello", FORUM, topic=7) == (f"{FORUM}/7", "@answerbot hello")
    (*_, ours) = await standins.messages("telegram")
    await system.quiet(2)  # where it was posted is known once that is recorded
    await chat.act("react", chat=FORUM, message_id=int(ours.id.rpartition(":")[2]), emoji=["🎉"])
    (thanked,) = await chat.new()
    assert (thanked.thread, thanked.body) == (f"{FORUM}/7", "reaction tada:")
    await chat.say("nobody is asked", GROUP)
    assert await chat.asked("/deploy@answerbot now", GROUP) == (str(GROUP), "command /deploy: now")
    # Buttons, reactions, edits and files.
    await chat.say("please ask")
    (asked,) = await chat.new()
    here = {"chat": ADA, "message_id": int(asked.id.rpartition(":")[2])}
    await chat.act("press", **here, label="Yes")
    assert (await chat.new())[0].body == "button approve: 42"
    await chat.act("react", **here, emoji=["👍"])
    assert (await chat.new())[0].body == "reaction +1:"
    await chat.say("please edit")
    (edited,) = await chat.new()
    await until(lambda: standins.messages("telegram"), lambda all: all[-1].body == "second", what="the edit")
    assert edited.body in ("first", "second")
    await chat.say("please files")
    assert [each.body for each in await chat.new(3)] == ["Here", "", ""]
    for name in ("a.txt", "bb.txt"):
        content = base64.b64encode(name.encode()).decode()
        await chat.act("upload", chat=ADA, name=name, content=content, album="1")
    assert (await chat.new())[0].body == "a.txt 5, bb.txt 6"
    # A reply that is shown while it is written is whole in the end.
    await chat.say("write", 77)
    await chat.new()
    written = "word0 word1 word2"
    await until(lambda: standins.messages("telegram"), lambda all: all[-1].body == written, what="the whole essay")
    state = await standins.state("telegram")
    assert {"chat": 77, "action": "typing"} in state["statuses"]
    assert state["answered"] == 1
    # A group becomes a supergroup: its thread goes on.
    await chat.act("migrate", chat=GROUP, to=SUPERGROUP)
    assert await chat.asked("@answerbot history", SUPERGROUP) == (
        str(SUPERGROUP),
        "nobody is asked | /deploy@answerbot now | command /deploy: now",
    )
    # Where the owner of a business account writes, the bot is silent.
    client = {"chat": 99, "connection": "Fq2"}
    await chat.act("business", **client, user=99, text="open?")
    assert (await chat.new())[0].body == "open?"
    await chat.act("business", **client, user=7, text="yes")
    await chat.act("business", **client, user=99, text="thanks")
    assert await chat.asked("still there") == (str(ADA), "still there")
    assert "110201543:" not in worker.words(), "a token is in the log"


async def test_telegrams_refusals_and_lost_answers(system: System, standins: StandIns) -> None:
    await system.ingress()
    worker = await system.worker(AGENTS, **QUICK)
    chat = Chat(standins)
    unparsable = {"ok": False, "error_code": 400, "description": "Bad Request: can't parse entities: here"}
    post: dict[str, Any] = {"platform": "telegram", "operation": "sendMessage"}
    await standins.add_fault(do="status", status=400, body=unparsable, times=1, **post)
    await standins.add_fault(do="rate-limit", seconds=1, times=1, after=1, **post)
    assert await chat.asked("**bold**") == (str(ADA), "bold")
    assert await chat.asked("later") == (str(ADA), "later")
    # The group moved before the reply: it follows.
    held = await standins.add_fault(do="stall", seconds=1.5, times=1, **post)
    await chat.say("@answerbot hello", GROUP)
    await standins.wait_until_fired(held)
    await chat.act("migrate", chat=GROUP, to=SUPERGROUP)
    (followed,) = await chat.new()
    assert (followed.thread, followed.body) == (str(SUPERGROUP), "@answerbot hello")
    # A message whose answer was lost is posted once more, and no more.
    await standins.add_fault(do="drop-after", times=1, contains="lost once", **post)
    await chat.say("lost once")
    assert [each.body for each in await chat.new(2)] == ["lost once", "lost once"]
    assert worker.lines(TWICE)
    await standins.add_fault(do="drop-after", contains="lost twice", **post)
    await chat.say("lost twice")
    assert [each.body for each in await chat.new(2)] == ["lost twice", "lost twice"]

    async def letters() -> list[str]:
        return [letter.reason async for letter in system.letters.list()]

    (reason,) = await until(letters, what="the dead letter")
    assert "may have been posted" in reason
    # Nobody can be written to who has blocked the bot.
    await chat.act("block", chat=12)
    await chat.say("hello", 12)
    reasons = await until(letters, lambda found: len(found) == 2, what="the dead letter of the blocked bot")
    assert any("has blocked the bot" in each for each in reasons)
    assert await chat.asked("after all") == (str(ADA), "after all")


async def test_another_worker_polls_where_one_was_killed(tmp_path: Path) -> None:
    async with StandIns.start(tmp_path) as standins:
        environment = standins.environment() | {"TELEGRAM_WEBHOOK_SECRET": "", "TELEGRAM_POLL": "true", **QUICK}
        async with System.running(tmp_path, environment) as system:
            all_workers = [await system.worker(AGENTS) for _ in range(3)]
            workers = [*all_workers]
            leases, said = Connections(system.database), list[str]()

            async def held() -> Process | None:
                holder = await leases.holder("telegram/updates")
                return next((worker for worker in workers if f"-{worker.pid}-" in holder), None)

            async def say() -> None:
                said.append(f"number {len(said)}")
                await standins.act("telegram", "say", chat=len(said) % 3 + 1, text=said[-1])

            async def answers() -> list[str]:
                return [message.body for message in await standins.messages("telegram")]

            for _ in range(2):
                reader = await until(held, what="a worker asking for updates")
                assert reader is not None
                for _ in range(10):
                    await say()
                await reader.kill()
                workers.remove(reader)
                for _ in range(10):
                    await say()
                await until(answers, lambda found: {*found} == {*said}, within=60, what="all being answered")
            # A worker that is killed may be posting: then its reply is posted once more, and that is said.
            await system.quiet(len(said))
            announced = [line["reply"] for worker in all_workers for line in worker.lines(TWICE)]
            assert len(announced) == len({*announced})
            assert len(await answers()) <= len(said) + len(announced)
            # A webhook in the way is said, and what waits comes once it is gone.
            await until(held, what="the last worker asking")
            token = standins.options.telegram_token
            base = f"{standins.url}/telegram/bot{token}"
            async with aiohttp.ClientSession() as session:
                set_webhook = session.post(f"{base}/setWebhook", json={"url": "http://127.0.0.1:9"})
                async with set_webhook as response:
                    assert response.ok
            words = await until(
                lambda: _lines(workers[0], "connection not opened"), what="the log saying that a webhook is set"
            )
            assert "unset TELEGRAM_POLL" in str(words[-1]["error"])
            assert token not in workers[0].words()


async def _lines(worker: Process, event: str) -> list[dict[str, Any]]:
    return [line for line in worker.lines(event) if "TELEGRAM_POLL" in str(line["error"])]
