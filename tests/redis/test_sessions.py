"""Sessions in Redis: claimed by one at a time, fenced, kept while they are used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from answerback.agents import Agent, Turn
from answerback.dialogs import RedisSessions, SessionWorker
from answerback.errors import ConfigurationError, SessionBusy, SessionLost
from answerback.store import keys
from answerback.store.redis import Database
from tests.redis.conftest import Server

ID = "customer 7"


@pytest.fixture
async def store(server: Server, database: Database) -> AsyncIterator[RedisSessions]:
    """The sessions of an empty server."""
    store = RedisSessions(server.url, lease=5, idle=60)
    yield store
    await store.close()


async def _lapse(database: Database) -> None:
    """Let the lease of the session expire."""
    await database.call("HSET", keys.session("default", ID), "until", "1")


async def test_a_session_has_one_holder_and_a_fence_that_grows(store: RedisSessions, database: Database) -> None:
    first = await store.claim(ID)
    assert first is not None
    assert first.data == b""
    assert await store.claim(ID) is None
    assert await store.claim("another") is not None
    assert await store.save(first, b"one")
    await store.release(first)
    second = await store.claim(ID)
    assert second is not None
    assert (second.data, second.fence > first.fence) == (b"one", True)
    # The fence grows also after the session was removed.
    await database.call("DEL", keys.session("default", ID))
    third = await store.claim(ID)
    assert third is not None
    assert third.fence > second.fence


async def test_a_holder_that_was_replaced_changes_nothing(store: RedisSessions, database: Database) -> None:
    first = await store.claim(ID)
    assert first is not None
    await _lapse(database)
    assert await store.renew(first), "nobody has claimed it since"
    await _lapse(database)
    second = await store.claim(ID)
    assert second is not None
    assert await store.save(second, b"second")
    assert not await store.save(first, b"first")
    assert not await store.renew(first)
    await store.release(first)
    assert await store.claim(ID) is None, "still held by the second"
    await store.release(second)
    third = await store.claim(ID)
    assert third is not None
    assert third.data == b"second"
    await database.call("DEL", keys.session("default", ID))
    assert not await store.save(third, b"third"), "it was removed"


async def test_an_idle_session_expires_and_namespaces_are_apart(
    server: Server, store: RedisSessions, database: Database
) -> None:
    claimed = await store.claim(ID)
    assert claimed is not None
    await store.save(claimed, b"data")
    await store.release(claimed)
    assert 55_000 < await database.call("PTTL", keys.session("default", ID)) <= 60_000
    other = RedisSessions(server.url, namespace="other")
    elsewhere = await other.claim(ID)
    assert elsewhere is not None
    assert elsewhere.data == b""
    await other.close()


@pytest.mark.parametrize(("lease", "idle"), [(0, 60), (1e6, 60), (30, 0)])
def test_a_lease_that_makes_no_sense_is_refused(lease: float, idle: float) -> None:
    with pytest.raises(ConfigurationError, match="session"):
        RedisSessions("redis://localhost", lease=lease, idle=idle)


class Counter:
    """An agent that counts its messages. `held` tells that it works on "wait", until `go`."""

    def __init__(self) -> None:
        self.held = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, turn: Turn) -> str:
        number = turn.state.get("number", 0) + 1
        turn.state["number"] = number
        if turn.text == "wait":
            self.held.set()
            await self.go.wait()
        return str(number)


@asynccontextmanager
async def _host(server: Server, counter: Counter, *, lease: float = 5) -> AsyncIterator[SessionWorker]:
    async with SessionWorker(Agent("counter", counter), store=RedisSessions(server.url, lease=lease)) as worker:
        yield worker


async def test_the_turns_of_a_session_run_one_after_the_other_on_all_hosts(server: Server, database: Database) -> None:
    counter = Counter()
    async with _host(server, counter) as here, _host(server, counter) as there:

        async def turn(host: SessionWorker, id: str) -> int:
            async with host.acquire(id) as session:
                return int(await session.turn("count"))

        numbers = await asyncio.gather(*[turn(host, id) for _ in range(5) for host in (here, there) for id in "ab"])
        assert sorted(numbers) == sorted([*range(1, 11)] * 2)
        async with here.acquire("a"):
            with pytest.raises(SessionBusy, match='session "a" was in use elsewhere for 0 s'):
                await turn_of(there, "a", wait=0)


async def turn_of(host: SessionWorker, id: str, *, wait: float) -> str:
    """Run a turn in a session."""
    async with host.acquire(id, wait=wait) as session:
        return await session.turn("count")


async def test_a_lost_lease_is_an_error_and_saves_nothing(server: Server, database: Database) -> None:
    slow, quick = Counter(), Counter()
    async with _host(server, slow) as here, _host(server, quick) as there:
        async with here.acquire(ID) as session:
            assert await session.turn("count") == "1"
            running = asyncio.create_task(session.turn("wait"))
            await slow.held.wait()
            # As if this process had stood still for longer than its lease.
            await _lapse(database)
            async with there.acquire(ID) as heir:
                assert heir.fence > session.fence
                assert await heir.turn("count") == "2"
            slow.go.set()
            with pytest.raises(SessionLost, match=r"another process has claimed it[.] Nothing of this turn was saved"):
                await running
            with pytest.raises(SessionLost):
                await session.turn("count")
            assert [message.text for message in session.history] == ["count", "1"]
        assert await turn_of(there, ID, wait=5) == "3"


async def test_a_session_that_is_held_for_long_is_renewed(server: Server, database: Database) -> None:
    counter = Counter()
    async with _host(server, counter, lease=0.3) as here, here.acquire(ID) as session:
        running = asyncio.create_task(session.turn("wait"))
        await counter.held.wait()
        until = int(await database.call("HGET", keys.session("default", ID), "until"))
        async with asyncio.timeout(30):
            while int(await database.call("HGET", keys.session("default", ID), "until")) < until + 600:
                await asyncio.sleep(0.01)
        counter.go.set()
        assert await running == "1"


async def test_a_turn_is_cancelled_when_its_lease_is_lost(server: Server, database: Database) -> None:
    counter = Counter()
    async with _host(server, counter, lease=0.3) as here, here.acquire(ID) as session:
        running = asyncio.create_task(session.turn("wait"))
        await counter.held.wait()
        await database.call("DEL", keys.session("default", ID))
        with pytest.raises(SessionLost):  # although the agent would wait forever
            await asyncio.wait_for(running, 30)
