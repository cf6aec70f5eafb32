"""Tokens that expire: renewed in time, by one worker, and never at the cost of a newer installation."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from answerback.accounts import Account
from answerback.http.platform import PlatformHttp
from answerback.platforms import Response
from answerback.sealing import Seal
from answerback.settings import Settings
from answerback.store.fleet.accounts import Accounts
from answerback.store.threads.threads import Threads
from tests.fixtures.exchanges import answer
from tests.redis.given import until
from tests.redis.sending import Platform
from worker.renewals import Renewals

pytestmark = pytest.mark.one_server

KEY, OLD_KEY = "k" * 40, "o" * 40
SETTINGS = Settings.load({"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "secret"})
RENEWED = answer(
    {"ok": True, "access_token": "xoxe.xoxb-second", "refresh_token": "xoxe-second", "expires_in": 43200,
     "token_type": "bot", "scope": "chat:write"}
)  # fmt: skip


async def _installed(threads: Threads, left: int, key: str = KEY) -> Accounts:
    """An account whose token expires in `left` ms."""
    accounts = Accounts(threads.database, Seal([key]))
    expires = await accounts.now() + left
    account = Account(id="T1", name="Acme", token="xoxe.xoxb-first", refresh_token="xoxe-first", expires=expires)
    await accounts.put("slack", account)
    return accounts


async def _stored(accounts: Accounts) -> Account:
    return accounts.opened("slack", await accounts.read("slack", "T1"))


class Run:
    """Workers that renew, for a while."""

    def __init__(self, http: PlatformHttp, *workers: Accounts) -> None:
        self._workers = [Renewals(SETTINGS, accounts, http) for accounts in workers]

    async def __aenter__(self) -> None:
        self._tasks = [asyncio.create_task(worker.keep()) for worker in self._workers]

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def test_one_of_several_workers_renews_a_token_in_time(threads: Threads) -> None:
    accounts, platform = await _installed(threads, 3_600_000), Platform()
    platform.answers = [RENEWED]

    async def renewed() -> bool:
        return (await _stored(accounts)).token == "xoxe.xoxb-second"

    async with Run(platform, *(Accounts(threads.database, Seal([KEY])) for _ in range(4))):
        await until(renewed)
    account = await _stored(accounts)
    assert (account.refresh_token, account.name, account.error) == ("xoxe-second", "Acme", "")
    assert account.expires > await accounts.now() + 11 * 3_600_000
    [request] = platform.asked
    assert request.headers["authorization"].startswith("Basic ")
    assert b"refresh_token=xoxe-first" in request.body


async def test_a_token_with_time_left_is_not_touched(threads: Threads) -> None:
    accounts, platform = await _installed(threads, 11 * 3_600_000), Platform()
    async with Run(platform, accounts):
        await asyncio.sleep(0)
        await accounts.now()
    assert platform.asked == []


async def test_a_refresh_token_that_is_refused_is_said_and_not_tried_again_at_once(threads: Threads) -> None:
    accounts, platform = await _installed(threads, 2_000), Platform()
    platform.answers = [answer({"ok": False, "error": "invalid_refresh_token"})]

    async def said() -> bool:
        return "install the app there again" in (await _stored(accounts)).error

    async with Run(platform, accounts, Accounts(threads.database, Seal([KEY]))):
        await until(said)
    # The token itself is kept: it may be valid for a while.
    assert (await _stored(accounts)).token == "xoxe.xoxb-first"
    assert not await accounts.reserve_renewal("slack", "T1", 1)
    assert len(platform.asked) == 1
    await accounts.put("slack", msgspec.structs.replace(await _stored(accounts), token="xoxb-new"))
    assert (await _stored(accounts)).error == ""


async def test_an_installation_during_a_renewal_is_kept(threads: Threads) -> None:
    accounts = await _installed(threads, 2_000)

    class Slow(Platform):
        async def perform(self, exchange, *, before_send=None):  # type: ignore[no-untyped-def]
            await accounts.put("slack", Account(id="T1", token="xoxb-installed-again"))
            return await super().perform(exchange, before_send=before_send)

    platform = Slow()
    platform.answers = [RENEWED]

    async def done() -> bool:
        return not platform.answers and await accounts.reserve_renewal("slack", "T1", 1)

    async with Run(platform, accounts):
        await until(done)
    assert (await _stored(accounts)).token == "xoxb-installed-again"


async def test_a_platform_that_does_not_respond_is_asked_again(threads: Threads) -> None:
    accounts, platform = await _installed(threads, 3_000), Platform()
    platform.answers = [Response(status=503), RENEWED]

    async def renewed() -> bool:
        return (await _stored(accounts)).token == "xoxe.xoxb-second"

    async with Run(platform, accounts):
        await until(renewed)
    assert len(platform.asked) == 2


async def test_credentials_are_sealed_again_with_the_first_key(threads: Threads) -> None:
    await _installed(threads, 11 * 3_600_000, OLD_KEY)
    both, new = Accounts(threads.database, Seal([KEY, OLD_KEY])), Accounts(threads.database, Seal([KEY]))

    async def sealed_again() -> bool:
        return not both.outdated("slack", await both.read("slack", "T1"))

    async with Run(Platform(), both):
        await until(sealed_again)
    assert (await _stored(new)).refresh_token == "xoxe-first"
