"""The leases of connections to platforms, and their positions."""

from __future__ import annotations

from answerback.store.fleet import keys
from answerback.store.fleet.connections import Connections
from answerback.store.threads.threads import Threads
from tests.redis.given import until


async def test_one_worker_holds_a_connection_until_it_gives_it_up_or_dies(threads: Threads) -> None:
    connections = Connections(threads.database)
    assert await connections.hold("slack/socket", "a", 60_000)
    assert not await connections.hold("slack/socket", "b", 60_000)
    assert await connections.hold("slack/socket", "a", 60_000)
    assert await connections.hold("slack/other", "b", 60_000)
    await connections.release("slack/socket", "b")
    assert await connections.holder("slack/socket") == "a"
    await connections.release("slack/socket", "a")
    assert await connections.holder("slack/socket") == ""
    # It dies: nobody renews the lease.
    assert await connections.hold("slack/socket", "b", 1)

    async def taken() -> bool:
        return await connections.hold("slack/socket", "c", 60_000)

    await until(taken)
    assert 0 < await threads.database.call("PTTL", keys.connection("slack/socket")) <= 60_000


async def test_the_position_of_a_connection_is_kept(threads: Threads) -> None:
    connections = Connections(threads.database)
    assert await connections.position("toy/feed") == ""
    await connections.move("toy/feed", "s1:42")
    assert await connections.position("toy/feed") == "s1:42"
