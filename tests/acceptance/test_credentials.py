"""Several bots, numbers and accounts at once, and credentials that are replaced while people write. Real processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from answerback.testing.standins.journal import Posted
from answerback.testing.standins.options import Options
from answerback.testing.standins.sender import Delivery, Telegram, Twilio, WhatsApp
from tests.acceptance.system import Process, System, free_port, until
from tests.standins.client import StandIns

pytestmark = pytest.mark.asyncio(loop_scope="module")
PLATFORMS = ("telegram", "twilio", "whatsapp")
AGENTS = "tests.acceptance.credentials_agents:agents"
BOTS = (Options.telegram_token, "220201544:AAHsecond")
ACCOUNTS = (Options.twilio_account, "AC" + "b" * 32)
AUTH_TOKENS = ("first-auth-token-of-the-standin", "second-auth-token-of-the-standin")
SUBACCOUNT, ITS_TOKEN = "AC" + "d" * 32, "auth-token-of-a-subaccount-here"
NUMBERS = (Options.whatsapp_number, "106500000000001")
ACCESS_TOKENS = ("EAAfirst", "EAAsecond")
SERVICE = "MG" + "c" * 32
ADA, ADAS_NUMBER = 279058397, "+14155550100"
TEXTS = ("+15005550006", "+15005550010")


def bound(names: Sequence[str], separator: str, secrets: Sequence[str]) -> str:
    """Secrets, each with the name of what it belongs to, as settings take them."""
    return ",".join(f"{name}{separator}{secret}" for name, secret in zip(names, secrets, strict=True))


class Scene(NamedTuple):
    """A running system, and the stand-ins."""

    system: System
    standins: StandIns
    worker: Process

    async def said(self, platform: str, path: str, delivery: Delivery, *, port: int = 0) -> None:
        """Send a webhook that is accepted."""
        status, _ = await self.system.post(f"{platform}{path}", delivery, port)
        assert status in (200, 202)

    async def got(self, platform: str, number: int) -> list[Posted]:
        """Wait until so many messages are posted, and nothing more is to come."""
        found = await self.standins.wait_for_messages(number, platform)

        def done(queues: Any) -> bool:
            return not any(getattr(of, state) for of in (queues.turns, queues.replies) for state in BUSY)

        await until(self.system.queues, done, what="everything being settled")
        assert len(await self.standins.messages(platform)) == number
        return found

    async def letter(self, platform: str) -> Any:
        """Wait for the dead letter of a platform."""

        async def look() -> list[Any]:
            return [one async for one in self.system.letters.list() if one.thread.startswith(f"{platform}:")]

        (found,) = await until(look, what=f"a dead letter of {platform}")
        return found


SETTINGS = {
    "PUBLIC_URL": Options.twilio_url,
    "REPLY_PACING": "true",
    # The subaccount's token only verifies: its parent, the first account, sends.
    "TWILIO_AUTH_TOKEN": f"{bound(ACCOUNTS, ':', AUTH_TOKENS)},{ITS_TOKEN}",
}
BUSY = ("waiting", "in_flight", "retrying")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """One system for all tests, with two of everything."""
    folder = tmp_path_factory.mktemp("credentials")
    two = {
        "telegram_token": ",".join(BOTS), "twilio_account": ",".join((*ACCOUNTS, SUBACCOUNT)),
        "twilio_token": ",".join((*AUTH_TOKENS, ITS_TOKEN)), "twilio_subaccounts": SUBACCOUNT,
        "whatsapp_token": bound(NUMBERS, "=", ACCESS_TOKENS), "whatsapp_retries": "0.1,0.2",
    }  # fmt: skip
    async with (
        StandIns.start(folder, **two) as standins,
        System.running(folder, {**standins.environment(), **SETTINGS}) as system,
    ):
        await system.ingress()
        worker = await system.worker(AGENTS)
        await standins.send_webhooks_to(f"http://127.0.0.1:{system.port}/webhooks/{{platform}}")
        yield Scene(system, standins, worker)


def text(account: str, token: str, ours: str = TEXTS[0], **more: str) -> Twilio:
    """A person who writes to a number of an account."""
    return Twilio(account=account, secret=token, ours=ours, theirs=ADAS_NUMBER, url=TWILIO, **more)


TWILIO = f"{Options.twilio_url}/webhooks/twilio"


async def test_each_answer_leaves_by_what_received_the_message(scene: Scene) -> None:
    system = scene.system
    # The same update of the same message in the same chat, of two bots: two messages.
    update = Telegram(chat=ADA).message("hello", message_id=5, update_id=7)
    for path in ("", f"?bot={BOTS[1].partition(':')[0]}"):
        await scene.said("telegram", path, update)
        await scene.said("telegram", path, update)
    assert {(one.who, one.body) for one in await scene.got("telegram", 2)} == {
        ("answerbot", "0 before: hello"),
        ("answerbot2", "0 before: hello"),
    }
    # One person, two accounts, a number that both know, another one, a messaging service, and a subaccount.
    senders = [text(account, token) for account, token in zip(ACCOUNTS, AUTH_TOKENS, strict=True)]
    senders += [text(ACCOUNTS[0], AUTH_TOKENS[0], TEXTS[1]), text(ACCOUNTS[0], AUTH_TOKENS[0], service=SERVICE)]
    senders.append(text(SUBACCOUNT, ITS_TOKEN))
    for sender in senders:
        message = sender.message("hello")
        await scene.said("twilio", "", message)
        await scene.said("twilio", "", message)
    assert {(one.who, one.thread, one.body) for one in await scene.got("twilio", 5)} == {
        (ACCOUNTS[0], f"{TEXTS[0]}/{ADAS_NUMBER}", "0 before: hello"),
        (ACCOUNTS[1], f"{TEXTS[0]}/{ADAS_NUMBER}", "0 before: hello"),
        (ACCOUNTS[0], f"{TEXTS[1]}/{ADAS_NUMBER}", "0 before: hello"),
        (ACCOUNTS[0], f"{SERVICE}/{ADAS_NUMBER}", "0 before: hello"),
        (SUBACCOUNT, f"{TEXTS[0]}/{ADAS_NUMBER}", "0 before: hello"),
    }
    # An account's token signs for no other account.
    status, _ = await system.post("twilio", text(ACCOUNTS[1], AUTH_TOKENS[0]).message("hello"))
    assert status == 401
    # Two numbers, of which the stand-in accepts each one's own token only.
    for number in NUMBERS:
        await scene.said("whatsapp", "", WhatsApp(number=number, phone="16505550100").text("hello"))
    assert {(one.who, one.body) for one in await scene.got("whatsapp", 2)} == {
        (number, "0 before: hello") for number in NUMBERS
    }
    assert [one async for one in system.letters.list()] == []


async def test_webhook_secrets_are_replaced_without_a_message_lost(scene: Scene) -> None:
    """Before: the old one. Meanwhile: both. Afterwards: the new one."""
    system = scene.system

    def deliveries(new: bool) -> dict[str, Delivery]:
        telegram = "new-webhook-secret" if new else Options.telegram_secret
        whatsapp = "new-app-secret" if new else Options.whatsapp_secret
        person = WhatsApp(number=NUMBERS[0], phone="16505550100", secret=whatsapp)
        return {
            "telegram": Telegram(chat=ADA, secret=telegram).message("hello"),
            "twilio": text(ACCOUNTS[0], "new-auth-token-of-account" if new else AUTH_TOKENS[0]).message("hello"),
            "whatsapp": person.text("hello"),
        }

    new = {
        "TELEGRAM_WEBHOOK_SECRET": "new-webhook-secret",
        "TWILIO_AUTH_TOKEN": f"{ACCOUNTS[0]}:new-auth-token-of-account",
        "WHATSAPP_APP_SECRET": "new-app-secret",
    }
    both = {name: f"{value},{system.settings[name]}" for name, value in new.items()}
    accepted: dict[str, tuple[bool, bool]] = {}
    for settings, name in ((None, "old"), (both, "both"), (new, "new")):
        port = free_port() if settings else 0
        if settings:
            await system.ingress(**settings, PORT=str(port))
        for platform in PLATFORMS:
            status = [(await system.post(platform, deliveries(new)[platform], port))[0] for new in (False, True)]
            accepted[f"{name} {platform}"] = (status[0] in (200, 202), status[1] in (200, 202))
    for platform in PLATFORMS:
        of = [accepted[f"{name} {platform}"] for name in ("old", "both", "new")]
        assert of == [(True, False), (True, True), (False, True)], platform


async def test_api_tokens_are_replaced_without_a_reply_lost(scene: Scene) -> None:
    """A refused token of one account concerns that account only; with the new one, everything is sent."""
    system, standins = scene.system, scene.standins
    worker = scene.worker
    await until(lambda: _idle(system), what="what the other test has said being answered")
    before = {name: len(await standins.messages(name)) for name in PLATFORMS}
    second = int(BOTS[1].partition(":")[0])
    await standins.act("telegram", "rotate", bot=second, token=f"{second}:AAHreplaced")
    await standins.act("twilio", "rotate", account=ACCOUNTS[1], token="replaced-auth-token-of-account")
    await standins.act("whatsapp", "rotate", tokens=bound(NUMBERS, "=", (ACCESS_TOKENS[0], "EAAreplaced")))
    new = {
        "TELEGRAM_BOT_TOKEN": f"{BOTS[0]},{second}:AAHreplaced",
        "TWILIO_AUTH_TOKEN": bound(ACCOUNTS, ":", (AUTH_TOKENS[0], "replaced-auth-token-of-account")),
        "WHATSAPP_TOKEN": bound(NUMBERS, "=", (ACCESS_TOKENS[0], "EAAreplaced")),
    }
    # By a worker that has used the old ones before, and by one that has just started.
    for words in ("one", "two"):
        if words == "two":
            worker = await system.worker(AGENTS)
        await _say_everywhere(scene, words)
        for platform in PLATFORMS:
            before[platform] += 1
            *_, last = await standins.wait_for_messages(before[platform], platform)
            assert last.body.endswith(words)
        letters = {platform: await scene.letter(platform) for platform in PLATFORMS}
        assert "set the TELEGRAM_BOT_TOKEN" in letters["telegram"].reason
        assert "TWILIO_AUTH_TOKEN or TWILIO_API_KEY, restart, then replay" in letters["twilio"].reason
        assert "set WHATSAPP_TOKEN, restart, then replay" in letters["whatsapp"].reason
        await worker.stop()
        renewed = await system.worker(AGENTS, **new)
        for platform, letter in letters.items():
            assert await system.letters.replay(letter.id)
            before[platform] += 1
            *_, last = await standins.wait_for_messages(before[platform], platform)
            assert last.body.endswith(words)
        await renewed.stop()


async def _idle(system: System) -> bool:
    queues = await system.queues()
    return not any(getattr(of, state) for of in (queues.turns, queues.replies) for state in BUSY)


async def _say_everywhere(scene: Scene, words: str) -> None:
    """Write to both of everything; the second one's credential is refused."""
    paths = ("", f"?bot={BOTS[1].partition(':')[0]}")
    for path in paths:
        await scene.said("telegram", path, Telegram(chat=ADA).message(words))
    for sender in (text(account, token) for account, token in zip(ACCOUNTS, AUTH_TOKENS, strict=True)):
        await scene.said("twilio", "", sender.message(words))
    for number in NUMBERS:
        await scene.said("whatsapp", "", WhatsApp(number=number, phone="16505550100").text(words))
