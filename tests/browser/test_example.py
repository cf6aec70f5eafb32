"""The page of examples/support_widget, as it is, but for the key and where ingress is."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web
from playwright.async_api import Page, expect

from answerback.store.access.api_keys import ApiKeys
from tests.acceptance.system import System
from tests.forks import ROOT

EXAMPLE = ROOT / "examples" / "support_widget"


async def test_the_shop_of_the_example_talks(plain: System, page: Page) -> None:
    await plain.ingress()
    await plain.worker("answerback.agents.demo:agent")
    key = ""

    async def index(request: web.Request) -> web.Response:
        html = (EXAMPLE / "index.html").read_text()
        html = html.replace("ab_pub_…", key).replace("http://127.0.0.1:8080", f"http://127.0.0.1:{plain.port}")
        return web.Response(text=html, content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/", index), web.static("/", Path(EXAMPLE))])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        _, shown = await ApiKeys(plain.database).create(origins=[origin])
        key = str(shown)
        await page.goto(origin)
        await expect(page.get_by_role("button", name="Open chat")).to_be_visible()
        await page.get_by_role("button", name="Ask about delivery").click()
        await expect(page.get_by_role("dialog", name="Oak & Sons")).to_contain_text("first message of this thread")
        await expect(page.get_by_role("list", name="Events from the widget")).to_contain_text("assistant: Hello")
    finally:
        await runner.cleanup()
