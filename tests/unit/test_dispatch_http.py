"""`dispatch` over HTTP: how long it waits between two requests, and what ends its waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aiohttp import web
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from answerback.dispatching import Dispatcher
from answerback.errors import ConfigurationError, StoreUnavailable

RECEIPT = {"dispatch_id": "d1", "thread": "t1", "status": "accepted"}
ANSWER = {"status": "completed", "turn": "d1", "messages": [{"content": "tea"}]}


class Api:
    """An ingress: it accepts each event, and responds to those who wait as the test says."""

    def __init__(self) -> None:
        self.url = ""
        self.waiting: list[Callable[[], web.Response] | None] = []
        """The next responses; None closes the connection."""
        self.came: list[float] = []
        self.traceparents: list[str | None] = []
        self.asked = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        """Respond to `POST /api/v1/dispatch/{agent}`."""
        self.traceparents.append(request.headers.get("traceparent"))
        body: dict[str, Any] = await request.json()
        if not body["wait"]:
            return web.json_response(RECEIPT, status=202)
        self.came.append(time.monotonic())
        self.asked.set()
        if not self.waiting:
            await asyncio.Event().wait()
        make = self.waiting.pop(0)
        if make is None:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        return make()


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    api = Api()
    app = web.Application()
    app.router.add_post("/api/v1/dispatch/{agent}", api.handle)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    api.url = f"http://{host}:{port}"
    yield api
    await runner.cleanup()


def away(seconds: str) -> Callable[[], web.Response]:
    return lambda: web.Response(status=503, headers={"Retry-After": seconds})


async def test_an_answer_is_asked_for_when_the_api_says(api: Api) -> None:
    api.waiting = [away("0"), lambda: web.Response(status=429, headers={"Retry-After": "0.2"}),
                   lambda: web.json_response(ANSWER)]  # fmt: skip
    async with Dispatcher(url=api.url, api_key="k") as dispatcher:
        receipt = await dispatcher.dispatch("clerk", input="x")
        assert (await receipt.reply()).text == "tea"
    _, second, third = api.came
    assert third - second >= 0.2


async def test_a_pause_ends_with_the_timeout(api: Api) -> None:
    api.waiting = [away("3600")]
    async with Dispatcher(url=api.url, api_key="k") as dispatcher:
        receipt = await dispatcher.dispatch("clerk", input="x")
        with pytest.raises(TimeoutError):
            await receipt.reply(timeout=0.2)


async def test_an_ingress_that_is_replaced_does_not_end_the_waiting(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("answerback.dispatching.over_http.PAUSE", 0.001)
    monkeypatch.setattr("answerback.dispatching.over_http.LATER", 0.001)
    api.waiting = [*[None] * 8, lambda: web.json_response(ANSWER)]
    async with Dispatcher(url=api.url, api_key="k") as dispatcher:
        assert (await (await dispatcher.dispatch("clerk", input="x")).reply()).text == "tea"


async def test_who_waits_while_the_dispatcher_is_closed_is_told_so(api: Api) -> None:
    dispatcher = Dispatcher(url=api.url, api_key="k")
    receipt = await dispatcher.dispatch("clerk", input="x")
    with ThreadPoolExecutor() as pool:
        blocked = asyncio.wrap_future(pool.submit(receipt.reply_sync))
        waiting = asyncio.create_task(receipt.reply())
        while len(api.came) < 2:
            api.asked.clear()
            await api.asked.wait()
        await dispatcher.aclose()
        for each in (blocked, waiting):
            with pytest.raises(StoreUnavailable, match="closed"):
                await each
    # It may be used again, also to wait.
    api.waiting = [lambda: web.json_response(ANSWER)]
    assert (await receipt.reply()).text == "tea"
    await dispatcher.aclose()


async def test_a_caller_that_is_cancelled_no_longer_waits(api: Api) -> None:
    async with Dispatcher(url=api.url, api_key="k") as dispatcher:
        receipt = await dispatcher.dispatch("clerk", input="x")
        waiting = asyncio.create_task(receipt.reply())
        await api.asked.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_request_is_part_of_the_trace_of_its_caller(api: Api) -> None:
    context = SpanContext(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, False, TraceFlags(1))
    async with Dispatcher(url=api.url, api_key="key") as dispatcher:
        with trace.use_span(NonRecordingSpan(context)):
            await dispatcher.dispatch("triage", input="traced")
        await dispatcher.dispatch("triage", input="not traced")
    assert api.traceparents == ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None]


async def test_an_address_that_is_not_that_of_ingress_is_named(api: Api) -> None:
    async with Dispatcher(url=f"{api.url}/api/v1", api_key="ab_live_x") as dispatcher:
        with pytest.raises(ConfigurationError, match="/api/v1 responded with status 404: ANSWERBACK_URL must be the"):
            await dispatcher.dispatch("triage", input="hello")
