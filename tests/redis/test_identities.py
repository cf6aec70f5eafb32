"""Who we are: the marks in Redis are those of the living workers, and are looked after."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
import pytest

from answerback.errors import Rejected
from answerback.http.platform import BeforeSend, PlatformHttp
from answerback.messages import Identity
from answerback.platforms import Client, Exchange
from answerback.platforms.standard.api import Standard
from answerback.store import keys
from answerback.store.fleet.workers import WorkerRegistry, WorkerReport
from answerback.store.threads.threads import Threads
from tests.redis.given import event, until
from worker.replies import identities as module
from worker.replies.clients import Clients
from worker.replies.identities import Identities

pytestmark = pytest.mark.one_server

T = TypeVar("T")

SOMEBODY: Client = Standard("whsec_c3RhbmRpbi1zdGFuZGFyZC1zZWNyZXQ=", "https://standard.test")
ADA = Identity(name="@ada", marks=("user:501", "login:ada"), person=True)
BOT = Identity(name="@answerbot", marks=("user:90001", "login:answerbot"))


class Asked(PlatformHttp):
    """Says who we are, each time it is asked, or refuses to."""

    def __init__(self, *answers: Identity | Rejected) -> None:
        super().__init__()
        self.answers = list(answers)

    async def perform(self, exchange: Exchange[T], *, before_send: BeforeSend | None = None) -> T:
        """Give the next answer; the last one again and again."""
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Rejected):
            raise found
        return found  # type: ignore[return-value]


@asynccontextmanager
async def kept(threads: Threads, http: Asked, *platforms: str) -> AsyncIterator[Identities]:
    """A worker's identities, as they are learned and kept."""
    identities = Identities(
        Clients(dict.fromkeys(platforms or ("github",), SOMEBODY)), http, WorkerRegistry(threads.database), threads
    )
    task = asyncio.create_task(identities.keep())
    try:
        yield identities
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def known(identities: Identities, who: Identity) -> None:
    async def look() -> bool:
        return identities.resolved.get("github") == who

    await until(look)


_numbers = itertools.count()


async def ours(threads: Threads, *identities: str) -> bool:
    """Whether an event of this author is taken for our own."""
    return (await threads.accept(event(next(_numbers), identities=identities))).status == "ignored"


def report(id: str, marks: Sequence[str]) -> WorkerReport:
    return WorkerReport(
        id=id, host="h", pid=1, started=1, seen=0, lease=60_000, state="working", turns=0, sending=0, concurrency=1,
        done=0, failed=0, marks=marks,
    )  # fmt: skip


async def test_marks_of_an_identity_that_we_no_longer_have_are_replaced(threads: Threads) -> None:
    """Somebody begins with their own token, and later gives the bot an account of its own."""
    async with kept(threads, Asked(ADA)) as identities:
        await known(identities, ADA)
        assert await ours(threads, "user:501", "login:ada")
    async with kept(threads, Asked(BOT)) as identities:
        await known(identities, BOT)
        assert await ours(threads, "user:90001")
        assert not await ours(threads, "user:501", "login:ada")


async def test_marks_of_a_worker_that_still_lives_stay_until_it_has_gone(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a rolling deploy with another token, the old worker's replies must not be answered as a stranger's."""
    monkeypatch.setattr(module, "AGAIN_WHILE_SHARED", 0.01)
    roster = WorkerRegistry(threads.database)
    await roster.report(report("old", [f"github:{mark}" for mark in ADA.marks] + ["slack:user:U1"]))
    async with kept(threads, Asked(BOT)) as identities:
        await known(identities, BOT)
        assert await ours(threads, "user:501")
        assert await ours(threads, "login:answerbot")
        await roster.leave("old")

        async def gone() -> bool:
            return not await threads.database.call("SISMEMBER", keys.own_identities(0), "github:user:501")

        await until(gone)
        assert await ours(threads, "login:answerbot")


async def test_other_platforms_marks_stay_as_they_are(threads: Threads) -> None:
    await threads.set_own_identities("slack", ["user:U1"])
    await threads.set_own_identities("github", ["user:1"])
    await threads.set_own_identities("github", [])
    assert await threads.database.call("SMEMBERS", keys.own_identities(0)) == {b"slack:user:U1"}


async def test_what_is_kept_already_is_not_written(threads: Threads) -> None:
    """A full server would refuse it, and the worker could not begin."""
    async with kept(threads, Asked(BOT)) as identities:
        await known(identities, BOT)
    await threads.database.call("CONFIG", "SET", "maxmemory", 1)
    try:
        async with kept(threads, Asked(BOT)) as identities:
            await known(identities, BOT)
    finally:
        await threads.database.call("CONFIG", "SET", "maxmemory", 0)


async def test_an_emptied_redis_is_told_again_who_we_are(threads: Threads) -> None:
    roster = WorkerRegistry(threads.database)
    async with kept(threads, Asked(BOT)) as identities:
        await known(identities, BOT)
        assert await roster.report(report("w", identities.marks))
        assert not await roster.report(report("w", identities.marks))
        await threads.database.call("FLUSHALL")
        assert await roster.report(report("w", identities.marks)), "a sign that Redis was emptied"
        await identities.restore()
        assert await ours(threads, "user:90001")
        assert await roster.identities() == {"github": BOT}


async def test_who_is_not_known_waits_longer_and_longer_unless_another_worker_knows(
    threads: Threads,
) -> None:
    refused = Asked(Rejected("GITHUB_TOKEN is no good: set another"))
    async with kept(threads, refused) as identities:

        async def waits() -> bool:
            return identities.delay("github") > 2

        await until(waits)
        assert identities.delay("slack") < 1
    await WorkerRegistry(threads.database).report(report("healthy", ["github:user:90001"]))
    async with kept(threads, refused) as identities:

        async def asked() -> bool:
            return "github" in identities._next_attempt

        await until(asked)
        assert identities.delay("github") == module.UNIDENTIFIED_DELAY


async def test_one_platform_without_an_identity_holds_up_no_other(threads: Threads) -> None:
    class Half(Asked):
        async def perform(self, exchange: Exchange[T], *, before_send: BeforeSend | None = None) -> T:
            exchange.close()
            return await super().perform(exchange)

    async with kept(threads, Half(Rejected("no"), BOT), "slack", "github") as identities:

        async def one() -> bool:
            return len(identities.resolved) == 1

        await until(one)


def test_our_own_message_is_known_by_any_of_its_marks() -> None:
    assert BOT.wrote(("user:1", "login:answerbot"))
    assert not BOT.wrote(("user:501",))
    assert not msgspec.structs.replace(BOT, marks=()).wrote(())
