"""The last moment at which a request can be held back."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from answerback.http.platform import PlatformHttp
from answerback.platforms import Exchange, Request


@pytest.fixture
async def received() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server's URL, and the bodies that it got."""
    bodies: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return web.Response(text="thanks")

    app = web.Application()
    app.add_routes([web.post("/", take), web.get("/", take)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/", bodies
    await runner.cleanup()


def post(url: str, body: bytes) -> Exchange[bytes]:
    """Ask first, then post."""
    yield Request(method="GET", url=url)
    response = yield Request(method="POST", url=url, body=body)
    return response.body


async def test_a_request_that_is_late_is_held_back_until_it_may_leave(received: tuple[str, list[bytes]]) -> None:
    url, bodies = received
    http = PlatformHttp()
    moments = iter([time.monotonic() - 1, time.monotonic() - 1, math.inf])
    asked: list[int] = []

    async def before_send() -> float:
        asked.append(len(bodies))
        return next(moments)

    try:
        assert await http.perform(post(url, b"hello"), before_send=before_send) == b"thanks"
    finally:
        await http.close()
    # The question before it has no body, and may leave at any time.
    assert bodies == [b"", b"hello"]
    assert asked == [1, 1, 1]


async def test_who_may_not_leave_at_all_sends_nothing(received: tuple[str, list[bytes]]) -> None:
    url, bodies = received
    http = PlatformHttp()

    async def before_send() -> float:
        raise PermissionError

    try:
        with pytest.raises(PermissionError):
            await http.perform(post(url, b"hello"), before_send=before_send)
    finally:
        await http.close()
    await asyncio.sleep(0)
    assert bodies == [b""]
