"""Several workspaces install our Slack app in a browser, and are answered with their own tokens: real processes."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import pytest

from answerback.accounts import Account
from answerback.sealing import Seal
from answerback.store.fleet.accounts import Accounts
from answerback.testing.standins.options import Options
from tests.acceptance.scene import died
from tests.acceptance.system import System, until
from tests.standins.client import StandIns

ADDRESSED = "tests.acceptance.agents:addressed"
KEY = "a-secret-key-of-forty-characters-or-more"


@asynccontextmanager
async def installable(folder: Path, **options: Any) -> AsyncIterator[tuple[System, StandIns]]:
    """An Answerback without a configured bot token, whose app can be installed."""
    async with StandIns.start(folder, **options) as standins:
        settings = standins.environment() | {
            "SLACK_BOT_TOKEN": "",
            "SLACK_CLIENT_ID": Options.slack_client_id,
            "SLACK_CLIENT_SECRET": Options.slack_client_secret,
            "SLACK_AUTHORIZE_URL": f"{standins.url}/slack/oauth/v2/authorize",
            "ANSWERBACK_SECRET_KEY": KEY,
        }
        async with System.running(folder, settings) as system:
            system.settings["PUBLIC_URL"] = f"http://127.0.0.1:{system.port}"
            await standins.send_webhooks_to(f"http://127.0.0.1:{system.port}/webhooks/{{platform}}")
            await system.ingress()
            yield system, standins


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[System, StandIns]]:
    async with installable(tmp_path) as both:
        yield both


class Browser:
    """A browser with its cookies, which follows nothing by itself."""

    def __init__(self, system: System, session: aiohttp.ClientSession) -> None:
        self._base = f"http://127.0.0.1:{system.port}"
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(cls, system: System) -> AsyncIterator[Browser]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            yield cls(system, session)

    async def get(self, url: str) -> tuple[int, str, str]:
        """The status, text and Location of a page."""
        url = url if url.startswith("http") else self._base + url
        async with self._session.get(url, allow_redirects=False) as response:
            if response.content_type == "text/html":
                assert "default-src 'none'" in response.headers["Content-Security-Policy"]
                assert response.headers["Cache-Control"] == "no-store"
            return response.status, await response.text(), response.headers.get("Location", "")

    async def begin(self) -> str:
        """Ask for an installation: the address of Slack's page."""
        status, _, location = await self.get("/slack/install")
        assert status == 302
        return location

    async def allow(self, page: str, team: str, *, allow: str = "1") -> str:
        """Press Allow on Slack's page, or Cancel: the address to which Slack sends the browser."""
        asked = dict(parse_qsl(urlsplit(page).query)) | {"team": team, "allow": allow}
        async with self._session.post(page.partition("?")[0], data=asked, allow_redirects=False) as response:
            assert response.status == 302
            return response.headers["Location"]

    async def install(self, team: str) -> tuple[int, str]:
        """Install the app in a workspace: the status and text of the last page."""
        status, text, _ = await self.get(await self.allow(await self.begin(), team))
        return status, text


async def test_workspaces_are_answered_with_their_own_tokens_until_they_uninstall(
    served: tuple[System, StandIns],
) -> None:
    system, standins = served
    worker = await system.worker(ADDRESSED)
    async with Browser.open(system) as browser:
        for team in ("T0ACME", "T0BETA"):
            status, text = await browser.install(team)
            assert (status, "The app is installed in Stand-in" in text) == (200, True), text
    accounts = Accounts(system.database, Seal([KEY]))
    stored = {account.id: account for account in await accounts.list("slack")}
    users = {team: stored[team].identity.mentions[0].upper() for team in stored}  # type: ignore[union-attr]
    assert len(set(users.values())) == 2
    for team, user in users.items():
        await standins.act("slack", "say", text=f"<@{user}> hello", channel=f"C{team}", team=team)
    await standins.wait_for_messages(2, "slack")
    tokens = {team: accounts.opened("slack", await accounts.read("slack", team)).token for team in users}
    posted = await standins.messages("slack")
    assert {(message.who, message.thread.partition("/")[0]) for message in posted} == {
        (user.replace("U", "B", 1), f"C{team}") for team, user in users.items()
    }
    # Neither answers its own message, or the other's.
    await system.quiet(2)
    assert len(await standins.messages("slack")) == 2

    # An agent at work when the app is uninstalled: the credential is gone, the other workspace is as before.
    await standins.act("slack", "uninstall", team="T0ACME")

    async def gone() -> bool:
        account = accounts.opened("slack", await accounts.read("slack", "T0ACME"))
        return bool(account.removed and not account.token)

    await until(gone, what="the credential being deleted")
    await standins.act("slack", "say", text=f"<@{users['T0BETA']}> again", channel="CT0BETA", team="T0BETA")
    await standins.wait_for_messages(3, "slack")
    words = worker.words() + "".join(path.read_text() for path in system.folder.glob("*.log"))
    assert not re.search(r"xox[be]-\w{8}", words.replace("xoxb-standin", "")), "a token in a log"
    dump = b"".join((await accounts.held("slack")).values())
    assert not any(token.encode() in dump for token in tokens.values())


async def test_check_and_accounts_name_each_workspace(tmp_path: Path) -> None:
    async with installable(tmp_path, slack_scopes="chat:write,im:history") as (system, _):
        async with Browser.open(system) as browser:
            for team in ("T0ACME", "T0BETA"):
                assert (await browser.install(team))[0] == 200
        await system.start("tools accounts remove slack T0BETA")
        accounts = Accounts(system.database, Seal([KEY]))

        async def removed() -> bool:
            return [bool(account.removed) for account in await accounts.list("slack")] == [False, True]

        await until(removed, what="the account being removed")
        listed = await said(system, "accounts list")
        assert [(row["id"], row["removed"] is None) for row in listed] == [("T0ACME", True), ("T0BETA", False)]
        assert "token" not in json.dumps(listed)
        found = await said(system, "check", ANSWERBACK_AGENTS=ADDRESSED, SLACK_APP_TOKEN=Options.slack_app_token)
        slack = [row["found"] for row in found if row["about"] == "slack"]
        assert any(words.startswith("installed in Stand-in (T0ACME): replies are posted as @") for words in slack)
        assert not any("T0BETA" in words for words in slack)
        assert "workers read its events over a connection that they open" in slack
        wrong = await said(system, "check", ANSWERBACK_SECRET_KEY="another-key-of-forty-characters-or-more")
        errors = [row["found"] for row in wrong if row["about"] == "slack" and row["level"] == "error"]
        assert errors == ["the credential of Stand-in (T0ACME) cannot be opened"]


async def said(system: System, command: str, **settings: str) -> Any:
    """What a command prints as JSON."""
    process = await system.start(f"tools {command} --json", **settings)
    await process.wait()
    words = process.words()
    return json.loads(words[words.index("[") :])


async def test_a_state_that_is_not_this_browsers_or_was_used_installs_nothing(
    served: tuple[System, StandIns],
) -> None:
    system, standins = served
    async with Browser.open(system) as victim, Browser.open(system) as attacker:
        page = await attacker.begin()
        location = await attacker.allow(page, "T0EVIL")
        await victim.begin()
        query = dict(parse_qsl(urlsplit(location).query))
        assert (await victim.get(location))[0] == 400, "somebody else's installation"
        for changed in ({"state": ""}, {"state": query["state"][:-2] + "AA"}, {"state": "x" * 5000}, {"code": ""}):
            status, text, _ = await victim.get(f"/slack/oauth?{urlencode(query | changed)}")
            assert (status, "Start again" in text) == (400, True)
        assert (await attacker.get(f"/slack/oauth?{urlencode({'code': query['code']})}"))[0] == 400
        # The cookie of an attempt ends with it, whatever came of it.
        assert (await attacker.get(location))[0] == 400
        # A reload, or a copy, of the last page.
        location = await attacker.allow(await attacker.begin(), "T0FINE")
        cookie = {c.key: c.value for c in attacker._session.cookie_jar}
        assert (await attacker.get(location))[0] == 200
        async with (
            aiohttp.ClientSession(cookies=cookie, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
            session.get(location, allow_redirects=False) as response,
        ):
            assert (response.status, "loaded before" in await response.text()) == (400, True)
    assert [account.id for account in await Accounts(system.database, None).list("slack")] == ["T0FINE"]
    assert len(await standins.requests("slack", "oauth.v2.access")) == 1


async def test_pages_say_in_plain_words_what_happened(served: tuple[System, StandIns]) -> None:
    system, standins = served
    async with Browser.open(system) as browser:
        location = await browser.allow(await browser.begin(), "T0ACME", allow="")
        status, text, _ = await browser.get(location)
        assert (status, "It was cancelled in Slack." in text) == (200, True)
        location = await browser.allow(await browser.begin(), "T0ACME")
        query = dict(parse_qsl(urlsplit(location).query)) | {"code": "<script>", "redirect_uri": "https://evil.test"}
        status, text, where = await browser.get(f"/slack/oauth?{urlencode(query)}")
        assert (status, "did not accept" in text, "script" in text, where) == (400, True, False, "")
        rule = await standins.add_fault(platform="slack", operation="oauth.v2.access", do="status", status=500)
        status, text = await browser.install("T0ACME")
        assert (status, "Try again in a minute" in text) == (503, True)
        await standins.remove_fault(rule)
        assert (await browser.install("T0ACME"))[0] == 200
        async with browser._session.head(f"http://127.0.0.1:{system.port}/slack/oauth") as response:
            assert response.status == 405
        statuses = [(await browser.get("/slack/install"))[0] for _ in range(30)]
        assert {302, 429} == set(statuses)


async def test_tokens_are_renewed_before_they_expire_and_one_that_is_lost_is_said(tmp_path: Path) -> None:
    async with installable(tmp_path, slack_token_seconds=8) as (system, standins):
        accounts = Accounts(system.database, Seal([KEY]))

        async def stored() -> Account:
            return accounts.opened("slack", await accounts.read("slack", "T0ACME"))

        async def lost() -> bool:
            return "install the app there again" in (await stored()).error

        async with Browser.open(system) as browser:
            assert (await browser.install("T0ACME"))[0] == 200
            before = await stored()
            # Slack has used up the refresh token, and its response dies with the worker.
            plan = {"SABOTAGE": "kill before-renewed 1", "ANSWERBACK_AGENTS": ADDRESSED}
            await died(await system.start("tests.acceptance.sabotaged worker", **plan))
            assert await stored() == before
            await accounts.release_renewal("slack", "T0ACME")  # as after 90 seconds
            workers = [await system.worker(ADDRESSED)]
            await until(lost, what="the loss being said")
            assert (await stored()).token == before.token
            assert (await browser.install("T0ACME"))[0] == 200
        first = await stored()
        assert first.error == ""
        workers.append(await system.worker(ADDRESSED))
        renewed = first

        async def again() -> bool:
            nonlocal renewed
            renewed = await stored()
            return renewed.expires > first.expires + 10_000

        await until(again, what="the token being renewed more than once")
        assert renewed.refresh_token != first.refresh_token
        assert renewed.error == ""
        user = first.identity.mentions[0].upper()  # type: ignore[union-attr]
        await standins.act("slack", "say", text=f"<@{user}> hello", channel="C1", team="T0ACME")
        await standins.wait_for_messages(1, "slack")
        assert sum(worker.words().count("token cannot be renewed") for worker in workers) == 1
