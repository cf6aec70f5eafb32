"""`dispatch` in the handlers of web frameworks, under real servers, and in a script: the code of docs/dispatch.md."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from answerback import dispatch
from answerback.dispatching import module
from answerback.store.threads.search import listed
from tests.acceptance.system import System, free_port, until
from tests.forks import ROOT

PAGE = (ROOT / "docs" / "dispatch.md").read_text().replace('"assistant"', '"echo"')
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ASKED = {"text": "Where is it?", "sender": "ada"}


def block(words: str) -> dict[str, Any]:
    """Run the block of the page that has these words. Its names."""
    [code] = [each for each in BLOCKS if words in each]
    names: dict[str, Any] = {"__name__": "shop"}
    exec(compile(code, "docs/dispatch.md", "exec"), names)
    return names


def django() -> Any:
    """An application of Django with the views of the page: one for threads, one for the event loop."""
    from django.conf import settings  # type: ignore[import-untyped]
    from django.core.asgi import get_asgi_application  # type: ignore[import-untyped]
    from django.urls import path  # type: ignore[import-untyped]

    views = block("from django.http")
    routes = [path("sync/<str:order>", views["ask"]), path("async/<str:order>", views["ask_async"])]
    settings.configure(ROOT_URLCONF=tuple(routes), ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="of this test")
    return get_asgi_application()


def starlette() -> Starlette:
    """An application of Starlette."""

    async def ask(request: Request) -> JSONResponse:
        receipt = await dispatch("echo", id=f"order-{request.path_params['order']}", input=await request.json())
        return JSONResponse({"dispatch_id": receipt.dispatch_id}, status_code=202)

    return Starlette(routes=[Route("/orders/{order}/questions", ask, methods=["POST"])])


@asynccontextmanager
async def under_uvicorn(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI application. Its address."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server._serve())

    async def started() -> bool:
        return server.started

    await until(started, what="uvicorn being ready")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def under_aiohttp() -> AsyncIterator[str]:
    """Serve an application of aiohttp. Its address."""

    async def ask(request: web.Request) -> web.Response:
        receipt = await dispatch("echo", id=f"order-{request.match_info['order']}", input=await request.json())
        return web.json_response({"dispatch_id": receipt.dispatch_id}, status=202)

    app = web.Application()
    app.add_routes([web.post("/orders/{order}/questions", ask)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_an_event_comes_in_from_every_framework(plain: System, monkeypatch: pytest.MonkeyPatch) -> None:
    await plain.worker("tests.acceptance.agents:addressed")
    monkeypatch.setenv("REDIS_URL", plain.server.url)
    dispatched: set[str] = set()

    async def ask(url: str, **sent: Any) -> None:
        async with aiohttp.ClientSession() as session, session.post(url, **sent) as response:
            assert response.status == 202, await response.text()
            dispatched.add((await response.json())["dispatch_id"])

    try:
        async with under_uvicorn(block("from fastapi")["app"]) as url:
            await ask(f"{url}/orders/fastapi/questions", json=ASKED)
        async with under_uvicorn(starlette()) as url:
            await ask(f"{url}/orders/starlette/questions", json=ASKED)
        async with under_aiohttp() as url:
            await ask(f"{url}/orders/aiohttp/questions", json=ASKED)
        async with under_uvicorn(django()) as url:
            for way in ("sync", "async"):
                await ask(f"{url}/{way}/django-{way}", data={"text": ASKED["text"]})
    finally:
        await module._shared().aclose()
    script = next(each for each in BLOCKS if "reply_sync" in each)
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "echo: Summarise the night's errors.\n"
    await plain.quiet(6)
    transcripts = [await plain.transcript(thread.id) async for thread in listed(plain.threads)]
    asked = {thread.messages[0].id: thread for thread in transcripts if thread.messages[0].id in dispatched}
    assert len(asked) == len(dispatched) == 5
    for thread in asked.values():
        assert [message.text for message in thread.messages] == ["Where is it?", "echo: Where is it?"]
