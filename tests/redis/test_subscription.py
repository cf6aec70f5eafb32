"""The one connection that listens for all who follow: it lives through silence, with and without channels."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing

import pytest

from answerback.store import keys
from answerback.store.stream.followers import Following, Live
from answerback.store.stream.stored_events import StoredEvent
from answerback.store.stream.subscription import Subscription
from answerback.store.threads.threads import Threads
from tests.redis.given import THREAD, until


async def asked(threads: Threads, times: int) -> None:
    """Wait until it was silent for so long that the connection was asked whether it stands, so many times."""
    pings: list[int] = []

    async def enough() -> bool:
        found = await threads.database.call("EVAL", "return redis.call('INFO', 'commandstats')", 0)
        pings.append(int((re.search(rb"cmdstat_ping:calls=(\d+)", found) or (0, 0))[1]))
        return pings[-1] >= pings[0] + times

    await until(enough)


@pytest.mark.parametrize("others", [[], ["other"]])
async def test_it_hears_after_a_long_silence(
    threads: Threads, monkeypatch: pytest.MonkeyPatch, others: list[str]
) -> None:
    monkeypatch.setattr("answerback.store.connection.listener.QUIET", 1.0)
    received: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
    connected: list[None] = []
    subscription = Subscription(
        threads.database, lambda *what: received.put_nowait(what), lambda: connected.append(None)
    )
    keeping = asyncio.create_task(subscription.keep())
    try:
        async with asyncio.timeout(30):
            for channel in others:
                await subscription.add(channel)
            await asked(threads, 2)
            for channel in ("one", "two"):
                await subscription.add(channel)
                await threads.database.call("PUBLISH", channel, "hello")
                assert await received.get() == (channel, b"hello")
                subscription.drop(channel)
                await asked(threads, 1)
        assert len(connected) == 1, "on one connection all the while"
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


@pytest.mark.parametrize("events", [0, 3])
async def test_a_follower_that_is_cancelled_leaves_nothing(threads: Threads, events: int) -> None:
    live = Live(threads)
    for number in range(events):
        await threads.database.call("XADD", keys.stream_events(0, THREAD), "*", "k", "text", "d", str(number))
    keeping = asyncio.create_task(live.keep())
    seen: list[StoredEvent] = []

    async def follow() -> None:
        async with live.follow(THREAD) as stream:
            async for event in stream:
                seen.append(event)  # noqa: PERF401  # each is seen before the next one comes

    async def subscribed() -> int:
        channels = await threads.database.call("PUBSUB", "NUMSUB", keys.stream_events(0, THREAD))
        return int(channels[1])

    try:
        # Whatever it does at that moment: subscribing, catching up, or waiting for the next event.
        for turns in (0, 1, 2, 4, 8, 16, 32, 1000):
            following = asyncio.create_task(follow())
            for _ in range(turns):
                await asyncio.sleep(0)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            assert len(live) == 0

        async def none() -> bool:
            return await subscribed() == 0

        await until(none)
        following = asyncio.create_task(follow())

        async def all_seen() -> bool:
            return len(seen) >= events and await subscribed() == 1

        seen.clear()
        await until(all_seen)
        assert [event.data for event in seen] == [str(number).encode() for number in range(events)]
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_what_is_published_is_enough_until_something_may_be_missing(threads: Threads) -> None:
    live, channel = Live(threads), keys.stream_events(0, THREAD)
    keeping = asyncio.create_task(live.keep())
    try:
        async with asyncio.timeout(30), Following(live, "another", "0"):
            await live.subscribe("another")
        async with asyncio.timeout(30), Following(live, THREAD, "0") as following:
            await live.subscribe(THREAD)
            # Only stored: a follower that came too late for it does not notice.
            id = (await threads.database.call("XADD", channel, "*", "k", "text", "d", "one")).decode()
            await threads.database.call("PUBLISH", channel, "9000000000000-0\ntext\ntwo")
            published = await following.published()
            assert published is not None
            assert published.data == b"two"
            following.miss()
            assert await following.published() is None
            async with aclosing(following.events()) as events:
                stored = await anext(events)
        assert (stored.id, stored.data) == (id, b"one")
        assert len(live) == 0
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
