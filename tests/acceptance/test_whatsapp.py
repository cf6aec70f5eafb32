"""People write on WhatsApp: each is answered once, whatever becomes of a request, and people may take over."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from itertools import count
from typing import Any, NamedTuple

import aiohttp
import pytest
import pytest_asyncio

from answerback.store.threads.outbox import Outbox
from answerback.testing.standins.journal import Posted
from answerback.testing.standins.options import Options
from tests.acceptance.system import Process, System, until
from tests.standins.client import StandIns

pytestmark = pytest.mark.asyncio(loop_scope="module")
NUMBER = Options.whatsapp_number
AGENTS = "tests.acceptance.whatsapp_agents:agents"
_people = count(16505550000)


class Scene(NamedTuple):
    """A running system, and the stand-ins."""

    system: System
    standins: StandIns
    worker: Process


class Person:
    """Somebody who writes to our number."""

    def __init__(self, scene: Scene, number: str = NUMBER) -> None:
        self.scene, self.number, self.phone = scene, number, str(next(_people))
        self.user = f"US.1{self.phone}"

    @property
    def thread(self) -> str:
        """Their thread."""
        return f"whatsapp:{self.number}:{self.user}"

    async def do(self, act: str, **details: Any) -> Any:
        """Do something."""
        who = {"phone": self.phone, "user": self.user, "number": self.number}
        return await self.scene.standins.act("whatsapp", act, **who, **details)

    async def got(self, number: int) -> list[Posted]:
        """Wait until they have got so many messages."""

        async def look() -> list[Posted]:
            found = await self.scene.standins.messages("whatsapp")
            return [one for one in found if one.thread == f"{self.number}/{self.phone}"]

        return await until(look, lambda found: len(found) >= number, what=f"{number} messages")

    async def letter(self, words: str) -> Any:
        """Wait for a dead letter of their thread."""

        async def look() -> list[Any]:
            return [one async for one in self.scene.system.letters.list() if one.thread == self.thread]

        (found,) = await until(look, what="a dead letter")
        assert words in found.reason
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """One system for all tests: each has a person of its own."""
    folder = tmp_path_factory.mktemp("whatsapp")
    async with (
        StandIns.start(folder, whatsapp_retries="0.1,0.2,0.5,1,2") as standins,
        System.running(folder, standins.environment()) as system,
    ):
        await system.ingress()
        worker = await system.worker(AGENTS)
        await standins.send_webhooks_to(f"http://127.0.0.1:{system.port}/webhooks/{{platform}}")
        yield Scene(system, standins, worker)


async def test_meta_confirms_the_webhook_with_our_verify_token_only(scene: Scene) -> None:
    url = f"http://127.0.0.1:{scene.system.port}/webhooks"
    asked = {"hub.mode": "subscribe", "hub.verify_token": Options.whatsapp_verify_token, "hub.challenge": "1158201444"}
    async with aiohttp.ClientSession() as session:
        for change, status, body in (({}, 200, "1158201444"), ({"hub.verify_token": "wrong"}, 401, "invalid")):
            async with session.get(f"{url}/whatsapp", params=asked | change) as answer:
                assert (answer.status, body in await answer.text()) == (status, True)
        async with session.get(f"{url}/github", params=asked) as answer:
            assert answer.status == 405


async def test_a_conversation_with_buttons_files_and_reactions(scene: Scene) -> None:
    ada = Person(scene)
    said = await ada.do("say", text="think")
    id = said["entry"][0]["changes"][0]["value"]["messages"][0]["id"]

    async def typing() -> list[str]:
        found: list[str] = (await scene.standins.state("whatsapp"))["typing"]
        return found

    await until(typing, lambda found: id in found, what="the typing indicator")
    scene.system.release()
    assert [one.body for one in await ada.got(1)] == ["0 before: think"]
    await ada.do("say", text="offer")
    _, asked, file = await ada.got(3)
    assert (asked.body, asked.blocks[0]["type"], file.blocks[0]["filename"]) == ("*Buy it?*", "button", "price.csv")
    await ada.do("press", id=asked.blocks[0]["action"]["buttons"][0]["reply"]["id"], title="Yes", of=asked.id)
    assert (await ada.got(4))[-1].body == "pressed Yes (value: 42) (button buy: 42)"
    await ada.do("say", text="why?", context={"from": "15550783881", "id": asked.id})
    assert (await ada.got(5))[-1].body == '3 before: why? (about "*Buy it?*" of shop)'
    await ada.do("react", emoji="🎉", of=asked.id)
    assert (await ada.got(6))[-1].body == "reacted with 🎉 (reaction 🎉: )"
    await ada.do("upload", file="a.png", content=base64.b64encode(b"\x89PNG").decode(), caption="this one")
    assert (await ada.got(7))[-1].body == "image/png: 4 this one"
    state = await scene.standins.state("whatsapp")
    assert "👀" in state["reactions"].values()
    assert base64.b64decode(state["files"][0]["content"]) == b"bell,42"


async def test_one_person_with_a_new_number_and_two_of_our_numbers(scene: Scene) -> None:
    ada = Person(scene)
    await ada.do("say", text="one")
    await ada.got(1)
    old = ada.phone
    await ada.do("new_number", to=str(phone := next(_people)), new_user="US.9" + str(phone))
    await scene.standins.wait_for_deliveries(1)
    await _settled(scene)
    ada.phone, ada.user = str(phone), f"US.9{phone}"
    await ada.do("say", text="two")
    assert [one.body for one in await ada.got(1)] == ["1 before: two"]
    assert old != ada.phone
    other = Person(scene, "106500000000001")
    await other.do("say", text="hi")
    (posted,) = await other.got(1)
    assert (posted.who, posted.body) == ("106500000000001", "0 before: hi")


async def _settled(scene: Scene) -> None:
    async def pending() -> int:
        found: int = (await scene.standins._call("GET", "deliveries"))["pending"]
        return found

    await until(pending, lambda found: found == 0, what="all webhooks being delivered")


async def test_agents_are_silent_when_a_person_answers_in_the_business_app(scene: Scene) -> None:
    ada = Person(scene)
    said = await ada.do("say", text="one")
    await ada.got(1)
    await ada.do("echo", content={"body": "I will do this myself"})
    await _settled(scene)
    await ada.do("say", text="two")
    await scene.system.quiet(1)

    async def transcript() -> list[str]:
        return [one.text for one in (await scene.system.transcript(ada.thread)).messages]

    heard = ["one", "0 before: one", "I will do this myself", "two"]
    await until(transcript, lambda found: found == heard, what="a silent history")
    id = said["entry"][0]["changes"][0]["value"]["messages"][0]["id"]
    await ada.do("echo", type="reaction", content={"message_id": id, "emoji": "🤖"})
    await _settled(scene)
    await ada.do("say", text="three")
    assert [one.body for one in await ada.got(2)] == ["0 before: one", "3 before: three"]


async def test_a_status_settles_a_reply_whose_response_was_lost(scene: Scene) -> None:
    for do in ("drop-after", "truncate"):
        ada = Person(scene)
        fault = await scene.standins.add_fault(platform="whatsapp", operation="messages", do=do, times=1)
        await ada.do("say", text="hello")
        await ada.got(1)

        async def state(thread: str = ada.thread) -> str:
            replies = await Outbox(scene.system.threads).replies(thread)
            return next(iter(replies.values())).state if replies else ""

        await until(state, lambda found: found == "sent", what="the reply being settled")
        await scene.standins.remove_fault(fault)
        assert len(await ada.got(1)) == 1


async def test_without_a_status_a_reply_is_posted_once_more_and_then_an_operator_decides(scene: Scene) -> None:
    url = f"http://127.0.0.1:{scene.system.port}/webhooks/{{platform}}"
    bob = Person(scene)
    where: Any = {"platform": "whatsapp", "operation": "messages", "contains": bob.phone}
    # It waits until no webhook is sent any more: this status never comes.
    held = await scene.standins.add_fault(**where, do="rate-limit", limit="primary", times=1)
    fault = await scene.standins.add_fault(**where, do="drop-after", times=2)
    await bob.do("say", text="hello")
    await _settled(scene)
    await scene.standins.send_webhooks_to("")
    try:
        assert len(await bob.got(2)) == 2
        letter = await bob.letter("may have been posted")
        assert len(await bob.got(2)) == 2
        assert "it may appear twice" in scene.worker.words()
    finally:
        await scene.standins.send_webhooks_to(url)
        await scene.standins.remove_fault(held)
        await scene.standins.remove_fault(fault)
    assert await scene.system.letters.replay(letter.id)
    assert len(await bob.got(3)) == 3


async def test_a_closed_window_is_a_dead_letter_that_says_what_to_do(scene: Scene) -> None:
    for how in ("refused", "reported"):
        ada = Person(scene)
        fault = await scene.standins.add_fault(
            platform="whatsapp", operation="messages", contains=ada.phone, do="rate-limit", limit="primary", times=1
        )
        await ada.do("say", text="hello")
        # Meanwhile, 24 hours pass.
        await ada.do("lapse", how=how)
        letter = await ada.letter("131047")
        assert "WHATSAPP_TEMPLATE" in letter.reason
        await ada.do("say", text="again")
        assert [one.body for one in await ada.got(1)] == ["1 before: again"]
        assert await scene.system.letters.replay(letter.id)
        assert [one.body for one in await ada.got(2)] == ["1 before: again", "0 before: hello"]
        await scene.standins.remove_fault(fault)


async def test_after_a_day_a_reply_becomes_its_template(scene: Scene) -> None:
    ada = Person(scene)
    await ada.do("say", text="remind")
    (posted,) = await ada.got(1)
    assert (posted.body, posted.blocks[0]["type"]) == ("The bell is ready.", "button")
    await scene.standins.add_fault(
        platform="whatsapp", operation="messages", contains=ada.phone, do="rate-limit", limit="primary", times=1
    )
    await ada.do("say", text="remind")
    # Meanwhile, 24 hours pass.
    await ada.do("lapse", how="refused")
    _, templated = await ada.got(2)
    assert templated.body == "[order_ready] 42 Ada bell"
    payload = templated.blocks[0]["components"][2]["parameters"][0]["payload"]
    await ada.do("send", type="button", content={"text": "Fetch", "payload": payload})
    assert (await ada.got(3))[-1].body == "pressed Fetch (value: 42) (button Fetch: 42)"


async def test_a_message_that_is_not_delivered_after_all_is_a_dead_letter(scene: Scene) -> None:
    ada = Person(scene)
    await ada.do("say", text="hello")
    (posted,) = await ada.got(1)
    await ada.do("fail", of=posted.id, code=131026)
    await ada.letter("131026")
