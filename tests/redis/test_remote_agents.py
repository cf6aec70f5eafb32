"""Remote agents: who may register, renew and remove them, their leases, and the probes of a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import AsyncMock

import msgspec
import pytest
from aiohttp import web

from answerback.codec import encode
from answerback.errors import StoreUnavailable
from answerback.http.untrusted import UntrustedHttp
from answerback.store.fleet import keys
from answerback.store.fleet.agents import AgentDirectory
from answerback.store.fleet.reachability import Probes, Reachability
from answerback.store.fleet.remote_agents import (
    MOST,
    PROBED,
    SHOWN_AS_GONE,
    NotItsOwner,
    RemoteAgent,
    RemoteAgentRefused,
    RemoteAgents,
)
from answerback.store.redis import Database
from tests.acceptance.system import until
from worker.probing import Prober

pytestmark = pytest.mark.one_server

MINE = RemoteAgent(name="r", url="https://r.example.com", owner="mine", lease=60_000)


@pytest.fixture
def remotes(database: Database) -> RemoteAgents:
    """The remote agents of a store."""
    return RemoteAgents(database)


async def _expire(database: Database, remote: RemoteAgent, since: int) -> RemoteAgent:
    """Let a lease have ended some ms ago."""
    ended = msgspec.structs.replace(remote, expires=await database.now() - since)
    await database.call("HSET", keys.remote_agents("acme"), remote.name, encode(ended))
    return ended


async def test_an_agent_belongs_to_the_key_that_registered_it(remotes: RemoteAgents) -> None:
    assert (await remotes.register("acme", MINE, by="mine"))[1]
    assert not (await remotes.register("acme", MINE, by="mine"))[1]
    with pytest.raises(NotItsOwner):
        await remotes.register("acme", msgspec.structs.replace(MINE, owner="theirs"), by="theirs")
    for change in (remotes.renew, remotes.remove):
        with pytest.raises(NotItsOwner):
            await change("acme", "r", by="theirs")
    assert (await remotes.get("acme", "r") or MINE).owner == "mine"
    # An operator may change all of them.
    assert await remotes.renew("acme", "r")
    assert await remotes.remove("acme", "r", by="mine")
    assert await remotes.renew("acme", "r", by="mine") is None


async def test_a_lease_is_renewed_and_a_name_is_free_when_it_has_ended(
    remotes: RemoteAgents, database: Database
) -> None:
    registered, _ = await remotes.register("acme", MINE, by="mine")
    assert registered.expires == registered.at + 60_000
    ended = await _expire(database, registered, 1)
    found = await AgentDirectory(database).get("acme", "r")
    assert found is not None
    assert (found.gone, found.accepts_chat) == (True, False)
    renewed = await remotes.renew("acme", "r", by="mine")
    assert renewed is not None
    assert renewed.expires > ended.expires
    await _expire(database, renewed, 1)
    await remotes.register("acme", msgspec.structs.replace(MINE, owner="theirs"), by="theirs")
    await _expire(database, MINE, SHOWN_AS_GONE)
    assert await remotes.renew("acme", "r") is None
    assert await AgentDirectory(database).get("acme", "r") is None
    assert await AgentDirectory(database).list("acme") == []


async def test_without_a_lease_it_stays(remotes: RemoteAgents) -> None:
    await remotes.register("acme", msgspec.structs.replace(MINE, lease=0))
    renewed = await remotes.renew("acme", "r")
    assert renewed is not None
    assert (renewed.expires, renewed.gone(2**60)) == (0, False)


async def test_an_agent_that_is_renewed_meanwhile_is_not_removed(remotes: RemoteAgents, database: Database) -> None:
    registered, _ = await remotes.register("acme", MINE)
    ended = await _expire(database, registered, SHOWN_AS_GONE)
    await remotes.register("acme", MINE)
    assert not await remotes.remove_expired("acme", ended)
    assert await remotes.get("acme", "r") is not None


async def test_what_another_key_registered_meanwhile_is_not_removed(
    remotes: RemoteAgents, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await remotes.register("acme", MINE, by="mine")
    swap = remotes._swap

    async def taken_over(*args: Any) -> bool:
        monkeypatch.undo()
        await _expire(database, MINE, 1)
        await remotes.register("acme", msgspec.structs.replace(MINE, owner="theirs"), by="theirs")
        return await swap(*args)

    monkeypatch.setattr(remotes, "_swap", taken_over)
    with pytest.raises(NotItsOwner):
        await remotes.remove("acme", "r", by="mine")
    assert (await remotes.get("acme", "r") or MINE).owner == "theirs"


async def test_an_agent_is_probed_although_a_process_died_before_it_scheduled_that(
    remotes: RemoteAgents, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes = Probes(database)

    async def crashing(change: Awaitable[object]) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Probes, "schedule", AsyncMock(side_effect=StoreUnavailable))
            with pytest.raises(StoreUnavailable):
                await change

    await crashing(remotes.register("acme", MINE))
    await AgentDirectory(database).list("acme")
    assert await probes.take(9, lease=30) == [("acme", "r")]
    # A worker saw that its lease had ended, and looks again when it is to be removed.
    await probes.record("acme", "r", Reachability(url=MINE.url, checked=1))
    await probes.schedule("acme", "r", delay=SHOWN_AS_GONE / 1000)
    await _expire(database, MINE, 1)
    await crashing(remotes.renew("acme", "r"))
    for _ in range(2):
        assert await remotes.renew("acme", "r")
        due = int(await database.call("ZSCORE", keys.probes(), "acme/r"))
        assert await database.now() + 200_000 < due <= await database.now() + PROBED * 1000


async def test_a_workspace_has_a_limit(remotes: RemoteAgents, database: Database) -> None:
    fields = [word for n in range(MOST) for word in (f"a{n}", encode(RemoteAgent(name=f"a{n}", url="https://a")))]
    await database.call("HSET", keys.remote_agents("acme"), *fields)
    with pytest.raises(RemoteAgentRefused, match="remove some"):
        await remotes.register("acme", MINE)
    await remotes.register("acme", msgspec.structs.replace(MINE, name="a1"))


async def test_one_that_an_earlier_version_registered_accepts_chats_and_is_probed(database: Database) -> None:
    await database.call("HSET", keys.remote_agents("acme"), "old", encode({"name": "old", "url": "https://old"}))
    ((info, stats),) = await AgentDirectory(database).list("acme")
    assert (info.accepts_chat, stats.reachability) == (True, None)
    assert await Probes(database).take(9, lease=30) == [("acme", "old")]


async def test_each_probe_is_taken_once_until_its_lease_ends(remotes: RemoteAgents, database: Database) -> None:
    probes = Probes(database)
    for name in ("a", "b", "c"):
        await remotes.register("acme", RemoteAgent(name=name, url="https://a"))
    taken = await asyncio.gather(*[probes.take(2, lease=60) for _ in range(4)])
    assert sorted(probe.agent for each in taken for probe in each) == ["a", "b", "c"]
    await probes.schedule("acme", "a", unless="scheduled")
    assert await probes.take(9, lease=60) == []
    await probes.schedule("acme", "a")
    assert await probes.take(9, lease=0) == [("acme", "a")]
    assert await probes.take(9, lease=60) == [("acme", "a")]


class _Target:
    """A remote agent that responds to probes as it is told to."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.requests: list[tuple[str, str]] = []

    async def respond(self, request: web.Request) -> web.Response:
        """Respond to any request."""
        self.requests.append((request.path, request.headers.get("Authorization", "")))
        return web.Response(status=self.status, headers={"Location": "/elsewhere"} if self.status == 302 else {})


@asynccontextmanager
async def _target() -> AsyncIterator[_Target]:
    target = _Target()
    app = web.Application()
    app.router.add_get("/{path:.*}", target.respond)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    target.url = f"http://127.0.0.1:{runner.addresses[0][1]}/base/"
    try:
        yield target
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _probing(database: Database, *, private: bool = True) -> AsyncIterator[None]:
    task = asyncio.create_task(Prober(database, UntrustedHttp(private=private)).keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _found(database: Database, *, checked_after: int = 0) -> Reachability:
    async def read() -> Reachability | None:
        known = await Probes(database).get("acme", "r")
        return known if known and known.checked > checked_after else None

    found = await until(read, what="a probe")
    assert found is not None
    return found


async def test_a_worker_finds_out_which_agents_can_be_reached(remotes: RemoteAgents, database: Database) -> None:
    async with _target() as target, _probing(database):
        remote = RemoteAgent(name="r", url=target.url, bearer_token="secret")
        await remotes.register("acme", remote)
        found = await _found(database)
        assert (found.reachable, found.seen, found.url) == (True, found.checked, target.url)
        assert target.requests == [("/base/health", "Bearer secret")]
        for status, words in ((500, "status 500"), (401, "bearer token"), (302, "status 302"), (404, "")):
            target.status = status
            await remotes.register("acme", remote)
            before, found = found, await _found(database, checked_after=found.checked)
            assert words in found.error
            assert found.reachable is (words == "")
            assert found.seen == (found.checked if found.reachable else before.seen)
            assert found.failures == (0 if found.reachable else before.failures + 1)
        assert {path for path, _ in target.requests} == {"/base/health"}, "no redirect is followed"
        # Where nobody listens; what was known of another address says nothing.
        await remotes.register("acme", msgspec.structs.replace(remote, url="http://127.0.0.1:1"))
        found = await _found(database, checked_after=found.checked)
        assert (found.reachable, found.seen, found.failures) == (False, 0, 1)
        assert "cannot connect" in found.error


async def test_a_private_address_is_not_probed(remotes: RemoteAgents, database: Database) -> None:
    async with _target() as target, _probing(database, private=False):
        await remotes.register("acme", RemoteAgent(name="r", url=target.url))
        assert "ALLOW_PRIVATE_URLS" in (await _found(database)).error
        assert target.requests == []


async def test_what_is_removed_or_gone_is_not_probed_and_removed_in_the_end(
    remotes: RemoteAgents, database: Database
) -> None:
    probes = Probes(database)
    async with _target() as target:
        remote = RemoteAgent(name="r", url=target.url, lease=60_000)
        await _expire(database, (await remotes.register("acme", remote))[0], SHOWN_AS_GONE)
        await _expire(database, (await remotes.register("acme", msgspec.structs.replace(remote, name="s")))[0], 1)
        await probes.schedule("acme", "never")

        async def settled() -> bool:
            scheduled = await database.call("ZRANGE", keys.probes(), 0, -1, "WITHSCORES")
            return len(scheduled) == 2 and int(scheduled[1]) > await database.now() + SHOWN_AS_GONE - 60_000

        async with _probing(database):
            await until(settled)
        assert [each.name for each in await remotes.list("acme")] == ["s"]
        assert target.requests == []
