"""Text messages: one reply to each, whatever becomes of requests and statuses, and words where it does not arrive."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from typing import Any

import aiohttp

from answerback.testing.standins.options import Options
from tests.acceptance import node
from tests.acceptance.system import System, free_port, until
from tests.standins.client import StandIns

AGENTS = "tests.acceptance.texting:agents"
OURS, WHATSAPP = "+15005550006", "whatsapp:+14155238886"


class Phones:
    """People with telephones, and what they get."""

    def __init__(self, system: System, standins: StandIns) -> None:
        self.system, self.standins = system, standins

    async def say(self, text: str, theirs: str = "+14155550100", ours: str = OURS, **more: Any) -> None:
        """Write to us."""
        await self.standins.act("twilio", "say", text=text, theirs=theirs, ours=ours, **more)

    async def got(self, theirs: str) -> list[str]:
        """What somebody was sent, in order."""
        return [one.body for one in await self.standins.messages("twilio") if one.thread.endswith(f"/{theirs}")]

    async def gets(self, theirs: str, *texts: str) -> None:
        """Wait until somebody was sent exactly this, and everything is settled."""
        await until(lambda: self.got(theirs), lambda found: len(found) >= len(texts), what=f"a text to {theirs}")
        await self.settled()
        assert await self.got(theirs) == list(texts)

    async def settled(self, *, turns: bool = True) -> None:
        """Wait until no reply waits or is in flight, nor any turn."""

        def done(found: Any) -> bool:
            queues = (found.turns, found.replies) if turns else (found.replies,)
            return not any(each for of in queues for each in (of.waiting, of.in_flight, of.retrying))

        await until(self.system.queues, done, what="everything being settled")

    async def dead(self, reason: str) -> str:
        """Wait for the dead letter with such a reason. Its id."""

        async def letters() -> list[tuple[str, str]]:
            return [(letter.id, letter.reason) async for letter in self.system.letters.list()]

        found = await until(
            letters, lambda them: any(reason in why for _, why in them), what=f"a dead letter: {reason}"
        )
        return next(id for id, why in found if reason in why)


async def test_texts_are_answered_once_and_failures_are_told(system: System, standins: StandIns) -> None:
    system.settings |= {"PUBLIC_URL": standins.options.twilio_url, "ANSWERBACK_SECRET_KEY": "k" * 40}
    await system.ingress()
    await system.worker(AGENTS)
    phones = Phones(system, standins)

    # On two channels, by two threads.
    ada, bob = "+14155550100", "whatsapp:+14155550100"
    await phones.say("hello", ada)
    await phones.gets(ada, "0 said before: hello")
    await phones.say("again", ada)
    await phones.say("hello", bob, WHATSAPP)
    await phones.gets(bob, "0 said before: *hello*")
    await phones.gets(ada, "0 said before: hello", "1 said before: again")
    shown = await standins.state("twilio")
    assert {(one["from"], one["to"]) for one in shown["messages"]} == {(OURS, ada), (WHATSAPP, bob)}

    # Files, buttons, places.
    eve = "+14155550101"
    await phones.say("", eve, files=[["a.png", "image/png", base64.b64encode(b"picture").decode()]])
    await phones.gets(eve, "image-1.png has 7 bytes")
    await standins.act("twilio", "press", theirs=bob, ours=WHATSAPP, label="Yes", payload="oil:yes")
    await phones.gets(bob, "0 said before: *hello*", "button Yes: oil:yes")

    # Choices by number, and a file that Twilio fetches from us.
    ina = "+14155550107"
    offered = "Oil?\n\n1. Yes\n2. No\n3. S\n4. L\nReply with the number."
    await phones.say("offer", ina)
    await phones.gets(ina, offered, "")
    (file,) = (await standins.state("twilio"))["messages"][-1]["media"]
    assert (file["type"], base64.b64decode(file["content"])) == ("application/pdf", b"%PDF-1.7")
    await phones.say("1", ina)
    await phones.gets(ina, offered, "", "button Yes: 42")
    # By now it is a number, and nothing else.
    await phones.say("2", ina)
    await phones.gets(ina, offered, "", "button Yes: 42", "2 said before: 2")
    await _refuses_what_is_not_a_file(system, file["url"])

    # The connection is lost after the work was done: a status settles it. Parts stay in order.
    dan = "+14155550102"
    lost = await standins.add_fault(platform="twilio", operation="messages.create", do="drop-after", times=2)
    await phones.say("long", dan)
    parts = await until(lambda: phones.got(dan), lambda found: len(found) == 2, what="both parts")
    await phones.settled()
    assert await standins.fired(lost) == 2
    assert [part.split()[0] for part in parts] == ["0", "7"]
    assert Counter(await phones.got(dan)).most_common(1)[0][1] == 1

    # Where no status comes, it is found by its text.
    fay = "whatsapp:+14155550103"
    await phones.say("wait", fay, WHATSAPP)
    await system.marked("waiting")

    async def typing() -> list[str]:
        return list((await standins.state("twilio"))["typing"])

    await until(typing, what="the typing indicator")
    target = f"http://127.0.0.1:{system.port}/webhooks/{{platform}}"
    await standins.send_webhooks_to("")
    lost = await standins.add_fault(platform="twilio", operation="messages.create", do="drop-after", times=1)
    system.release()
    await phones.gets(fay, "0 said before: *wait*")
    assert await standins.fired(lost) == 1
    assert (await standins.counts())["twilio"]["messages.list"] >= 1
    await standins.send_webhooks_to(target)

    # What was said before is not taken for it.
    hal = "+14155550106"
    await phones.say("twice", hal)
    await system.marked("said")
    await until(lambda: phones.got(hal), lambda found: found == ["same"], what="the first text")
    await phones.settled(turns=False)
    await standins.send_webhooks_to("")
    lost = await standins.add_fault(platform="twilio", operation="messages.create", do="drop", times=1)
    system.release(2)
    await phones.gets(hal, "same", "same")
    assert await standins.fired(lost) == 1
    await standins.send_webhooks_to(target)

    # What was not sent at all is sent once, after a pause or a refusal that passes.
    for number, do in enumerate(("rate-limit", "drop", "refuse", "late")):
        theirs = f"+1415555020{number}"
        await standins.add_fault(platform="twilio", operation="messages.create", do=do, times=1, seconds=0.3)
        await phones.say(do, theirs)
        await phones.gets(theirs, f"0 said before: {do}")

    # STOP is no turn. What cannot arrive is a dead letter, with what to do, also after it was accepted.
    gil, refused, unreachable = "+14155550105", "+15005550009", "+15005550030"
    await standins.act("twilio", "opt", word="STOP", theirs=gil)
    await phones.say("hello?", gil)
    await phones.dead("the person opted out (STOP), and may not be written to until they send START (21610")
    await phones.say("hello", refused)
    await phones.dead("this is not a mobile number (21614")
    await phones.say("hello", unreachable)
    id = await phones.dead("Twilio reports undelivered: the phone is switched off or out of reach")
    assert await phones.got(unreachable) == ["0 said before: hello"]
    await standins.act("twilio", "close", theirs=bob)
    await standins.act("twilio", "press", theirs=bob, ours=WHATSAPP, label="No", payload="oil:no")
    await phones.dead("only an approved template may be sent")
    await system.letters.replay(id)
    await until(lambda: phones.got(unreachable), lambda found: len(found) == 2, what="the replay")
    assert await phones.got(gil) == []


async def _refuses_what_is_not_a_file(system: System, url: str) -> None:
    """The URL of a file is valid for that file alone, and for GET and HEAD."""
    path = url.removeprefix(f"{Options.twilio_url}/shared/")
    sealed, _, name = path.partition("/")
    base = f"http://127.0.0.1:{system.port}/shared"
    async with aiohttp.ClientSession() as session:
        for method, target, status in (
            ("HEAD", f"{sealed}/{name}", 200), ("POST", f"{sealed}/{name}", 405), ("GET", f"{sealed[:-4]}AAA=/x", 404),
            ("GET", f"{'A' * 3000}/x", 404), ("GET", sealed, 404), ("GET", "", 404),
        ):  # fmt: skip
            async with session.request(method, f"{base}/{target}") as response:
                assert response.status == status, target
        async with session.get(f"{base}/{path}") as response:
            assert response.headers["Content-Disposition"] == 'inline; filename="Preis.pdf"'
            assert "sandbox" in response.headers["Content-Security-Policy"]


EMULATED = {"account": "AC0123456789abcdef0123456789abcdef", "token": "0123456789abcdef0123456789abcdef"}


async def test_an_independent_twilio_sends_and_receives(system: System) -> None:
    """The npm package `emulate`: its webhooks, its signatures, its answers and its statuses."""
    await asyncio.to_thread(node.installed)
    port = free_port()
    system.settings |= {
        "PUBLIC_URL": f"http://127.0.0.1:{system.port}",
        "TWILIO_ACCOUNT_SID": EMULATED["account"],
        "TWILIO_AUTH_TOKEN": EMULATED["token"],
        "TWILIO_API_URL": f"http://127.0.0.1:{port}",
    }
    await asyncio.gather(system.ingress(), system.worker(AGENTS))
    told = await node.run(
        "twilio.mjs",
        PORT=str(port),
        WEBHOOK=f"http://127.0.0.1:{system.port}/webhooks/twilio",
        ACCOUNT=EMULATED["account"],
        TOKEN=EMULATED["token"],
    )
    assert [(one["body"], one["from"], one["to"]) for one in told["sent"]] == [
        ("0 said before: hello", "+15005550006", "+14155550100"),
        ("1 said before: again", "+15005550006", "+14155550100"),
    ]
    # Its first status comes before its answer to our request.
    about = Counter(one["about"] for one in told["answers"])
    assert (about["message"], about["status"] >= 2) == (2, True)
    assert {one["status"] for one in told["answers"]} == {200}
    assert not [letter async for letter in system.letters.list()]
