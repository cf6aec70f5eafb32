"""The leases of connections to platforms, and their positions."""

from __future__ import annotations

from answerback.store.fleet.connections import Connections
from answerback.store.threads.threads import Threads


async def test_one_worker_holds_a_connection_until_it_gives_it_up(threads: Threads) -> None:
    one, other = Connections(threads.database), Connections(threads.database)
    assert await one.hold("slack/socket", "a", 60)
    assert not await other.hold("slack/socket", "b", 60)
    assert await one.hold("slack/socket", "a", 60)
    assert await other.hold("slack/other", "b", 60)
    await other.release("slack/socket", "b")
    assert await one.holder("slack/socket") == "a"
    await one.release("slack/socket", "a")
    assert await one.holder("slack/socket") == ""
    assert await other.hold("slack/socket", "b", 60)


async def test_a_connection_is_taken_over_from_a_worker_that_no_longer_renews_its_lease(threads: Threads) -> None:
    one, other = Connections(threads.database), Connections(threads.database)
    assert await one.hold("slack/socket", "a", 60)
    for _ in range(5):
        # It was renewed in between: however little time is allowed, it is not taken over.
        assert not await other.hold("slack/socket", "b", 0)
        assert await one.hold("slack/socket", "a", 0)
    assert not await other.hold("slack/socket", "b", 0)
    assert await other.hold("slack/socket", "b", 0)
    assert await other.holder("slack/socket") == "b"
    assert not await one.hold("slack/socket", "a", 60)


async def test_the_position_of_a_connection_is_kept(threads: Threads) -> None:
    connections = Connections(threads.database)
    assert await connections.position("toy/feed") == ""
    await connections.move("toy/feed", "s1:42")
    assert await connections.position("toy/feed") == "s1:42"
