"""The dashboard, as a person uses it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from playwright.async_api import Error, Page, Route, expect

from answerback.store.access.sign_ins import SignIns
from tests.acceptance.system import Process, System, until

AGENTS = "tests.browser.agents"


def whole(count: int) -> str:
    """What the agent `helper` says: so many words."""
    return "".join(f"word{number} " for number in range(count))


async def signed_in(page: Page, system: System) -> None:
    """Sign in with a link."""
    token = await SignIns(system.database).link("default")
    await page.goto(f"http://127.0.0.1:{system.port}/#link={token}")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()


async def open_chat(page: Page, agent: str) -> None:
    """Open the chat with an agent."""
    await page.get_by_role("link", name="Agents").click()
    await page.get_by_role("link", name=f"Chat with {agent}").click()
    await expect(page.get_by_role("heading", name=agent)).to_be_visible()


async def send(page: Page, text: str) -> None:
    """Write and send it."""
    await page.get_by_role("textbox", name="Message").fill(text)
    await page.get_by_role("button", name="Send").click()


async def answers(page: Page) -> list[str]:
    """Return the agent's answers."""
    return [str(text) for text in await page.locator(".message.assistant p").all_text_contents()]


async def answered(page: Page, *texts: str) -> None:
    """Wait until these are the answers, and another message may be sent."""
    await until(lambda: answers(page), lambda found: found == list(texts), what="the answer")
    await expect(page.get_by_role("textbox", name="Message")).to_be_enabled()


async def started(system: System, **settings: str) -> Process:
    """Ingress and a worker; the worker."""
    await system.ingress()
    return await system.worker(f"{AGENTS}:agents", **settings)


async def delay_api(page: Page, lag: float) -> None:
    """Let each request of the page reach the API that many seconds late."""

    async def late(route: Route) -> None:
        await asyncio.sleep(lag)
        with suppress(Error):  # the page is gone
            await route.continue_()

    await page.route("**/api/**", late)
