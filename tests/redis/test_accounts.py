"""Installed accounts: sealed, replaced, uninstalled; and what workers make of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from answerback.accounts import Account
from answerback.catchup import message_logs
from answerback.errors import SealBroken
from answerback.messages import Identity
from answerback.notifications import Installed, Uninstalled
from answerback.platforms.github.api import GitHub
from answerback.platforms.github.credential import Token
from answerback.platforms.registry import PLATFORMS
from answerback.replies import Reply
from answerback.sealing import Seal
from answerback.settings import Settings
from answerback.store import keys
from answerback.store.fleet import keys as fleet_keys
from answerback.store.fleet.accounts import Accounts
from answerback.store.fleet.names import DAYS, HOUR, KnownNames
from answerback.store.redis import Database
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.fixtures.exchanges import answer
from tests.redis.given import accept, claim, courier, turn
from tests.redis.sending import Platform
from tests.redis.test_notifications import receiver
from worker.backoff import Backoff
from worker.orders import Pauses
from worker.replies.clients import Clients
from worker.replies.identities import Identities
from worker.replies.installed import InstalledAccounts
from worker.replies.sender import Sender

pytestmark = pytest.mark.one_server

KEY, OLD_KEY = "k" * 40, "o" * 40
ACME = Account(
    id="T1", name="Acme", token="xoxb-acme-token", scopes=("chat:write",),
    identity=Identity(name="@bot (Acme)", mentions=("u1",), marks=("user:U1", "bot:B1")),
)  # fmt: skip


def _accounts(threads: Threads, *secrets: str) -> Accounts:
    return Accounts(threads.database, Seal(secrets or (KEY,)))


async def test_a_credential_is_sealed_in_the_store_and_bound_to_its_account(threads: Threads) -> None:
    accounts = _accounts(threads)
    await accounts.put("slack", ACME)
    held = await accounts.read("slack", "T1")
    assert b"acme-token" not in held
    assert b"Acme" in held
    assert accounts.opened("slack", held).token == ACME.token
    [listed] = await Accounts(threads.database, None).list("slack")
    assert (listed.token, listed.title, listed.identity) == ("", "Acme (T1)", ACME.identity)
    # Whoever can write to the store cannot give one workspace the token of another.
    moved = msgspec.msgpack.encode(msgspec.msgpack.decode(held) | {"id": "T2"})
    with pytest.raises(SealBroken):
        accounts.opened("slack", moved)
    with pytest.raises(SealBroken):
        _accounts(threads, OLD_KEY).opened("slack", held)


async def test_keys_are_rotated_without_installing_again(threads: Threads) -> None:
    await _accounts(threads, OLD_KEY).put("slack", ACME)
    both = _accounts(threads, KEY, OLD_KEY)
    held = await both.read("slack", "T1")
    assert both.outdated("slack", held)
    assert await both.replace("slack", held, both.opened("slack", held))
    held = await both.read("slack", "T1")
    assert not both.outdated("slack", held)
    assert _accounts(threads, KEY).opened("slack", held).token == ACME.token


async def test_a_change_does_not_replace_what_somebody_else_has_stored(threads: Threads) -> None:
    accounts = _accounts(threads)
    await accounts.put("slack", ACME)
    held = await accounts.read("slack", "T1")
    await accounts.put("slack", msgspec.structs.replace(ACME, token="xoxb-installed-again"))
    assert not await accounts.replace("slack", held, msgspec.structs.replace(ACME, token="xoxb-renewed"))
    assert accounts.opened("slack", await accounts.read("slack", "T1")).token == "xoxb-installed-again"


async def test_uninstalling_deletes_the_credential_and_a_late_report_does_not(threads: Threads) -> None:
    accounts = _accounts(threads)
    account = await accounts.put("slack", ACME)
    late = Uninstalled(delivery="slack:e1", account="T1", at=account.installed - 60_000)
    assert (await receiver(threads).receive("slack", late)).status == "ignored"
    gone = Uninstalled(delivery="slack:e2", account="T1", at=account.installed + 60_000)
    assert (await receiver(threads).receive("slack", gone)).status == "accepted"
    assert (await receiver(threads).receive("slack", gone)).status == "ignored"
    held = await accounts.read("slack", "T1")
    assert accounts.opened("slack", held).token == ""
    assert b"sealed" not in held
    # The configured account has no record; when it is installed again, it is configured again.
    await receiver(threads).receive("slack", Uninstalled(delivery="slack:e3", account="T9"))
    assert await accounts.read("slack", "T9") == b""


async def test_marks_of_installed_accounts_survive_those_of_the_configured_one(threads: Threads) -> None:
    accounts = _accounts(threads)
    await accounts.put("slack", ACME)
    await threads.add_own_identities("slack", ACME.identity.marks if ACME.identity else ())
    await threads.set_own_identities("slack", ["user:U9"], accounts.marks)
    marks = await threads.database.call("SMEMBERS", keys.own_identities(0))
    assert marks == {b"slack:user:U1", b"slack:bot:B1", b"slack:user:U9"}
    await accounts.remove("slack", "T1")
    await threads.set_own_identities("slack", ["user:U9"], accounts.marks)
    assert await threads.database.call("SMEMBERS", keys.own_identities(0)) == {b"slack:user:U9"}


async def test_a_token_is_renewed_by_one_worker_at_a_time(threads: Threads) -> None:
    accounts = _accounts(threads)
    assert await accounts.reserve_renewal("slack", "T1", 60_000)
    assert not await accounts.reserve_renewal("slack", "T1", 60_000)
    assert await accounts.reserve_renewal("slack", "T2", 60_000)
    assert await threads.database.call("PTTL", fleet_keys.account_renewal("slack", "T1")) > 0
    await accounts.release_renewal("slack", "T1")
    assert await accounts.reserve_renewal("slack", "T1", 60_000)


class Scene:
    """A worker that sends with installed accounts."""

    def __init__(self, threads: Threads, accounts: Accounts) -> None:
        self.threads, self.outbox, self.platform = threads, Outbox(threads), Platform()
        clients = Clients({}, InstalledAccounts(Settings.load({}), accounts, threads))
        self.identities = Identities(clients, self.platform, None, threads)  # type: ignore[arg-type]
        self.sender = Sender(
            self.outbox, clients, self.identities, self.platform, Pauses(), owner="worker", lease=5,
            backoff=Backoff(60, 60),
        )  # fmt: skip

    async def reply(self, number: int, account: str) -> None:
        thread = f"slack:{account}:C{number}:1.2"
        await accept(self.threads, number, thread=thread)
        address: dict[str, str | int] = {"team": account, "channel": f"C{number}", "thread_ts": "1.2"}
        reply = Reply(key=f"r{number}.0", thread=thread, text="yes", address=address, account=account)
        await self.threads.commit(turn(await claim(self.threads), reply))

    async def send(self, *answers: object) -> None:
        self.platform.answers = list(answers)  # type: ignore[arg-type]
        for outgoing in await courier(self.threads, self.outbox):
            await self.sender.run(outgoing)

    @property
    def tokens(self) -> list[str]:
        return [request.headers["authorization"] for request in self.platform.asked]


async def test_each_account_is_answered_with_its_own_token(threads: Threads) -> None:
    accounts = _accounts(threads)
    await accounts.put("slack", ACME)
    await accounts.put("slack", msgspec.structs.replace(ACME, id="T2", name="Beta", token="xoxb-beta-token"))
    scene = Scene(threads, accounts)
    for number, account in ((1, "T1"), (2, "T2")):
        await scene.reply(number, account)
        await scene.send(answer({"ok": True, "ts": "9.9"}))
    assert scene.tokens == ["Bearer xoxb-acme-token", "Bearer xoxb-beta-token"]
    assert await scene.identities.of("slack", "T1") == ACME.identity
    assert b"slack:bot:B1" in await threads.database.call("SMEMBERS", keys.own_identities(0))


async def test_a_token_that_slack_revoked_concerns_its_account_alone(threads: Threads) -> None:
    """And what the operator reads names the workspace, and no setting."""
    accounts = _accounts(threads)
    await accounts.put("slack", ACME)
    await accounts.put("slack", msgspec.structs.replace(ACME, id="T2", name="Beta", token="xoxb-beta-token"))
    scene = Scene(threads, accounts)
    await scene.reply(1, "T1")
    await scene.send(answer({"ok": False, "error": "token_revoked"}))
    found = await DeadLetters(threads).get("r1.0")
    assert found is not None
    assert "token_revoked — Slack does not accept the token of T1: install the app there again" in found[0].reason
    assert "SLACK_BOT_TOKEN" not in found[0].reason
    await scene.reply(2, "T2")
    await scene.send(answer({"ok": True, "ts": "9.9"}))
    assert scene.tokens[-1] == "Bearer xoxb-beta-token"


async def test_replies_to_an_account_that_is_gone_wait_as_dead_letters(threads: Threads) -> None:
    """And are sent when they are replayed after it was installed again, however soon."""
    accounts = _accounts(threads)
    await accounts.put("slack", ACME)
    scene, dead = Scene(threads, accounts), DeadLetters(threads)
    await scene.reply(1, "T1")
    await accounts.uninstall("slack", "T1")
    await scene.send()
    found = await dead.get("r1.0")
    assert found is not None
    assert found[0].reason == ("the app was uninstalled from Acme (T1): install it there again, then replay the reply")
    await accounts.put("slack", msgspec.structs.replace(ACME, token="xoxb-second-token"))
    await dead.replay("r1.0")
    await scene.send(answer({"ok": True, "ts": "9.9"}))
    assert scene.tokens == ["Bearer xoxb-second-token"]


async def test_a_credential_that_no_key_opens_is_said(threads: Threads) -> None:
    await _accounts(threads, OLD_KEY).put("slack", ACME)
    scene = Scene(threads, _accounts(threads))
    await scene.reply(1, "T1")
    await scene.send()
    found = await DeadLetters(threads).get("r1.0")
    assert found is not None
    assert "ANSWERBACK_SECRET_KEY" in found[0].reason
    assert not scene.platform.asked


async def test_what_was_missed_is_read_with_the_tokens_of_all_accounts(database: Database) -> None:
    settings = Settings.load({"SLACK_BOT_TOKEN": "xoxb-own", "ANSWERBACK_SECRET_KEY": "k" * 32})
    accounts = Accounts(database, Seal.of(settings))
    assert len(await message_logs(PLATFORMS["slack"], settings, accounts)) == 1
    for id in ("T1", "T2", "E1"):
        await accounts.put("slack", Account(id=id, token=f"xoxb-{id}"))
    await accounts.uninstall("slack", "T2")
    logs = await message_logs(PLATFORMS["slack"], settings, accounts)
    tokens = [next(log.channels()).headers["authorization"] for log in logs]
    assert tokens == ["Bearer xoxb-own", "Bearer xoxb-T1"]
    assert await message_logs(PLATFORMS["github"], settings, accounts) == []


async def test_names_are_kept_for_each_account_and_the_lack_of_one_not_for_long(database: Database) -> None:
    names = KnownNames(database)
    await names.put("slack", "T1", {"U1": "Ada", "U2": ""})
    await names.put("slack", "T2", {"U1": "Eve"})
    assert await names.get("slack", "T1", ["U1", "U2", "U3"]) == {"U1": "Ada", "U2": ""}
    assert await names.get("slack", "T2", ["U1", "U2"]) == {"U1": "Eve"}
    left = [await database.call("TTL", fleet_keys.name("slack", "T1", id)) for id in ("U1", "U2")]
    assert HOUR < left[0] <= DAYS
    assert 0 < left[1] <= HOUR


ORG = Account(id="77", name="acme", scopes=("issues:write",))


async def test_installations_that_a_key_opens_are_known_from_webhooks_and_from_the_list(threads: Threads) -> None:
    accounts, receive = Accounts(threads.database, None), receiver(threads).receive

    async def known() -> dict[str, str]:
        states = {True: "gone", False: "here"}
        return {
            each.id: "suspended" if each.suspended else states[bool(each.removed)]
            for each in await accounts.list("github")
        }

    def uninstalled(id: str = "77", **more: Any) -> Uninstalled:
        return Uninstalled(delivery="github:u", account=id, name="acme" if id == "77" else id, **more)

    installed = Installed(delivery="github:i", account=ORG)
    assert [(await receive("github", installed)).status for _ in "12"] == ["accepted", "ignored"]
    now = await accounts.now()
    # A suspension that is reported late, and one that is not; then the end, which a late return does not undo.
    assert (await receive("github", uninstalled(suspended=True, at=now - 60_000))).status == "ignored"
    assert (await receive("github", uninstalled(suspended=True, at=now + 60_000))).status == "accepted"
    assert await known() == {"77": "suspended"}
    assert (await receive("github", Installed(delivery="github:b", account=ORG, at=now - 60_000))).status == "ignored"
    assert (await receive("github", uninstalled())).status == "accepted"
    assert (await receive("github", uninstalled(suspended=True))).status == "ignored"
    assert await known() == {"77": "gone"}
    # Installed again it has another number: what is left of the first is answered through the second.
    again = msgspec.structs.replace(ORG, id="78")
    await receive("github", Installed(delivery="github:a", account=again))
    assert await known() == {"78": "here"}
    # One that was there before anybody listened is remembered, too, when it is gone.
    await receive("github", uninstalled("5"))
    assert await known() == {"78": "here", "5": "gone"}

    paused = Account(id="79", name="beta", removed=1, suspended=True)
    await accounts.compare("github", [msgspec.structs.replace(again, scopes=("a",)), paused], await accounts.now())
    assert await known() == {"78": "here", "5": "gone", "79": "suspended"}
    assert {each.id: each.scopes for each in await accounts.list("github")}["78"] == ("a",)
    # Changed while the list was on its way: it says nothing of that. The next one does.
    asked = await accounts.now()
    await receive("github", uninstalled("78", suspended=True))
    await accounts.compare("github", [again], asked)
    assert (await known())["78"] == "suspended"
    asked = await accounts.now()
    await receive("github", Installed(delivery="github:c", account=again))
    await accounts.compare("github", [], asked)
    assert (await known())["78"] == "here"
    await accounts.compare("github", [], await accounts.now() + 60_000)
    assert (await known())["78"] == "gone"


async def test_an_installation_without_access_gets_no_reply_and_others_the_configured_client(threads: Threads) -> None:
    accounts = Accounts(threads.database, None)
    await accounts.install("github", ORG)
    await accounts.uninstall("github", "5", name="beta", suspended=True)
    app = GitHub(Token("ghp_x", "https://api.github.com"), "https://api.github.com")
    clients = Clients({"github": app}, InstalledAccounts(Settings.load({}), accounts, threads))
    assert [await clients.of("github", account) for account in ("77", "5", "9", "")] == [app] * 4
    refusals = [access and access.refusal for access in [await clients.access("github", id) for id in ("77", "5", "9")]]
    words = "the app is suspended in beta (5): have that lifted there, then replay the reply"
    assert refusals == ["", words, None]
