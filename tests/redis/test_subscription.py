"""The one connection that listens for all who follow: it lives through silence, with and without channels."""

from __future__ import annotations

import asyncio
import re

import pytest

from answerback.store.stream.subscription import Subscription
from answerback.store.threads.threads import Threads
from tests.redis.given import until


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
    monkeypatch.setattr("answerback.store.redis.QUIET", 1.0)
    heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
    connected: list[None] = []
    subscription = Subscription(threads.database, lambda *what: heard.put_nowait(what), lambda: connected.append(None))
    keeping = asyncio.create_task(subscription.keep())
    try:
        async with asyncio.timeout(30):
            for channel in others:
                await subscription.add(channel)
            await asked(threads, 2)
            for channel in ("one", "two"):
                await subscription.add(channel)
                await threads.database.call("PUBLISH", channel, "hello")
                assert await heard.get() == (channel, b"hello")
                await subscription.drop(channel)
                await asked(threads, 1)
        assert len(connected) == 1, "on one connection all the while"
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
