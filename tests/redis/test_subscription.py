"""The one connection that listens for all who follow: it lives through silence, with and without channels."""

from __future__ import annotations

import asyncio

import pytest

from answerback.store import Threads
from answerback.store.subscription import Subscription


@pytest.mark.parametrize("others", [[], ["other"]])
async def test_it_hears_after_a_long_silence(
    threads: Threads, monkeypatch: pytest.MonkeyPatch, others: list[str]
) -> None:
    monkeypatch.setattr("answerback.store.connection.QUIET", 0.5)
    heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
    connected: list[None] = []
    subscription = Subscription(threads.database, lambda *what: heard.put_nowait(what), lambda: connected.append(None))
    keeping = asyncio.create_task(subscription.keep())
    try:
        async with asyncio.timeout(30):
            for channel in others:
                await subscription.add(channel)
            await asyncio.sleep(1.2)  # longer than silence is taken for what it is, twice
            for channel in ("one", "two"):
                await subscription.add(channel)
                await threads.database.call("PUBLISH", channel, "hello")
                assert await heard.get() == (channel, b"hello")
                await subscription.drop(channel)
                await asyncio.sleep(0.6)
        assert len(connected) == 1, "on one connection all the while"
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
