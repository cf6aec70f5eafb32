"""The stand-ins, and a receiver of their webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from answerback.testing.standins.options import Options
from tests.standins.bench import Bench, Receiver, serve


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with serve(Options()) as one:
        yield one


@pytest.fixture
async def receiver(bench: Bench) -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/webhooks/{platform}", found.take)
    async with TestServer(app, host="127.0.0.1") as server:
        await bench.standins.send_webhooks_to(str(server.make_url("/webhooks/")) + "{platform}")
        yield found
