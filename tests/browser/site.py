"""A web site that is not ours: its pages carry the widget, and allow it only what they must."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape

from aiohttp import web

from answerback.store.access.api_keys import ApiKeys
from answerback.store.threads.search import listed
from tests.acceptance.system import System
from tests.forks import ROOT

PAGES = ROOT / "tests" / "fixtures" / "pages"
POLICY = "default-src 'none'; script-src {api}; connect-src {api}; require-trusted-types-for 'script'"


class Site:
    """It serves one page, and those of tests/fixtures/pages.

    `api` is where the widget comes from; `data` goes into its script tag.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.key = ""
        self.api = ""
        self.data: dict[str, str] = {}
        self.before: set[str] = set()
        """The threads that there were before it."""
        self.policy = POLICY

    async def threads(self, system: System) -> list[str]:
        """Return the threads that its visitors have opened."""
        return [summary.id async for summary in listed(system.threads) if summary.id not in self.before]

    async def page(self, request: web.Request) -> web.Response:
        """The page."""
        data = {"key": self.key, "open": "", **self.data}
        attributes = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items())
        html = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>A shop</title><body><h1>Garden furniture</h1>'
            f'<script async src="{self.api}/widget.js" {attributes}></script></body></html>'
        )
        policy = self.policy.format(api=self.api)
        return web.Response(text=html, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def fixture(self, request: web.Request) -> web.Response:
        """A page that is hard on the widget, as it stands in tests/fixtures/pages, with our address and key."""
        html = PAGES.joinpath(request.match_info["name"]).read_text()
        html = html.replace("http://HOST", self.api).replace("ab_pub_…", self.key)
        return web.Response(text=html, content_type="text/html")


@asynccontextmanager
async def site(system: System | None = None) -> AsyncIterator[Site]:
    """One that is up, on a free port of loopback, with a publishable key of a system."""
    app = web.Application()
    runner = web.AppRunner(app)
    found = Site("")
    app.router.add_get("/", found.page)
    app.router.add_get("/fixtures/{name}", found.fixture)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        if system:
            _, shown = await ApiKeys(system.database).create(origins=[found.origin])
            found.key = str(shown)
            found.before = {summary.id async for summary in listed(system.threads, limit=1000)}
        yield found
    finally:
        await runner.cleanup()
