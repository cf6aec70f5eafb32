"""A real Chromium before a real Answerback."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from answerback.store.access.api_keys import ApiKeys
from tests.acceptance.system import PATIENCE, System
from tests.browser.chromium import CHROMIUM, launched
from tests.browser.dashboard import delay_api, started
from tests.browser.site import Site, site

collect_ignore_glob = [] if CHROMIUM else ["test_*.py"]  # tests/conftest.py says so
expect.set_options(timeout=PATIENCE * 1000)

LAG = float(os.environ.get("LAG", "0"))
"""By how many seconds each answer of the API is late: finds what a page does wrongly before an answer is there."""
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
Picture = Callable[[Page, str], Awaitable[None]]


_fixture = pytest_asyncio.fixture(loop_scope="session")
"""All of a session's tests are in one loop: starting a browser takes longer than most of them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder in the loop of their browser."""
    here = f"{Path(__file__).parent}{os.sep}"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@_fixture
async def plain(tmp_path: Path) -> AsyncIterator[System]:
    """An Answerback of its own for each test."""
    async with System.running(tmp_path, {}) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def lasting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """An Answerback for the tests of a module that break nothing: with a worker, and all agents of `agents.py`."""
    async with System.running(tmp_path_factory.mktemp("lasting"), {"ALLOW_PRIVATE_URLS": "true"}) as running:
        await started(running, TURN_MAX_ATTEMPTS="1")
        yield running


@pytest.fixture
def shared(lasting: System) -> System:
    """The one that lasts, without the marks of other tests. Their threads and dead letters may be there."""
    for each in lasting.marks.iterdir():
        each.unlink()
    return lasting


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A browser for all of them."""
    async with async_playwright() as playwright:
        running = await launched(playwright.chromium)
        try:
            yield running
        finally:
            await running.close()
    # What is left of it ends here: ended while Python 3.11 parses something, it fails what is parsed.
    gc.collect()


@_fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page, in which no script may fail without a word, and no policy be broken."""
    # Nobody looks at animations here, each frame of which is drawn by the CPU.
    page = await (await browser.new_context(reduced_motion="reduce")).new_page()
    if LAG:
        await delay_api(page, LAG)
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on(
        "console", lambda message: failures.append(message.text) if "Content Security Policy" in message.text else None
    )
    page.set_default_timeout(PATIENCE * 1000)
    yield page
    await page.context.close()
    assert failures == []


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Takes a picture of a page: for the documentation where PICTURES is set, else only to see that it can be taken."""

    async def take(page: Page, name: str) -> None:
        folder = PICTURES if os.environ.get("PICTURES") else tmp_path
        await page.set_viewport_size({"width": 1040, "height": 620})
        await page.screenshot(path=folder / f"{name}.png")

    return take


@_fixture
async def admin(shared: System) -> str:
    """A key with which to sign in."""
    _, shown = await ApiKeys(shared.database).create(scopes=["admin"])
    return str(shown)


@_fixture
async def shop(shared: System) -> AsyncIterator[Site]:
    """A web site of another origin, for which there is a publishable key."""
    async with site(shared) as there:
        yield there
