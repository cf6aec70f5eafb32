"""The dashboard as a page: what it loads, its sizes and colors, its keys, and hostile answers of the server."""

from __future__ import annotations

from playwright.async_api import Browser, Page, Response, Route, expect

from answerback.accounts import Account
from answerback.store.fleet.accounts import Accounts
from tests.acceptance.system import System
from tests.browser.dashboard import answered, open_chat, send, signed_in, whole


async def test_what_the_server_leaves_out_or_lets_through_does_no_harm(shared: System, page: Page) -> None:
    """A call of the history has ended, also where its outcome is left out; no address but a web page's is a link."""
    await signed_in(page, shared)
    await open_chat(page, "helper")
    await send(page, "say 1")
    await answered(page, whole(1))

    async def older(route: Route) -> None:
        response = await route.fetch()
        found = await response.json()
        found["thread"]["url"] = "javascript:alert(1)"
        found["messages"][-1]["tool_calls"] = [{"id": "c1", "name": "look", "args": {"a": 1}, "result": "<b>seen</b>"}]
        await route.fulfill(response=response, json=found)

    await page.route("**/admin/threads/*", older)
    await page.get_by_role("link", name="Threads").click()
    await page.get_by_role("link", name="say 1").click()
    call = page.get_by_role("group").filter(has_text="look")
    await call.click()
    await expect(call).to_contain_text("look · done")
    await expect(call).to_contain_text("<b>seen</b>")
    assert await page.locator("a[href^=javascript]").count() == 0
    assert await page.get_by_role("link", name="view on platform").count() == 0


async def test_it_is_small_and_loads_nothing_from_elsewhere(shared: System, page: Page) -> None:
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))
    await signed_in(page, shared)
    assert all(response.url.startswith(f"http://127.0.0.1:{shared.port}/") for response in responses)
    sizes = [len(await response.body()) for response in responses if "/api/" not in response.url]
    assert len(sizes) > 10
    assert sum(sizes) < 150_000


async def test_it_fits_a_phone_and_the_dark(shared: System, browser: Browser) -> None:
    phone = await browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark", has_touch=True)
    page = await phone.new_page()
    await signed_in(page, shared)
    await open_chat(page, "moody")
    await send(page, "What is the price of " + "a" * 200)
    await expect(page.get_by_role("alert")).to_contain_text("the database of prices is away")
    background = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert background == "rgb(18, 22, 30)"
    for name in ("Overview", "Agents", "Threads", "Dead letters"):
        await page.get_by_role("link", name=name, exact=True).click()
        await expect(page.get_by_role("heading", name=name)).to_be_visible()
        await expect(page.locator("main :is(.card, td, .tile)").first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, name
    accounts = Accounts(shared.database, None)
    await accounts.install("github", Account(id="77", name="acme-of-a-long-name"))
    await accounts.uninstall("github", "78", name="beta", suspended=True)
    await page.get_by_role("link", name="Accounts").click()
    for words in ("acme-of-a-long-name 77", "suspended"):
        await expect(page.get_by_role("row").filter(has_text=words)).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.get_by_role("link", name="Dead letters").click()
    await page.get_by_role("link", name="the database of prices is away").click()
    await expect(page.get_by_label("Dead letter", exact=True)).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_every_control_has_a_name_and_can_be_reached_by_key(shared: System, page: Page) -> None:
    await signed_in(page, shared)
    for name in ("Overview", "Agents", "Threads", "Dead letters"):
        await page.get_by_role("link", name=name, exact=True).focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name=name)).to_be_visible()
        await expect(page.locator("main")).to_be_focused()
        tree = await page.locator("body").aria_snapshot()
        controls = [line.strip("- ") for line in tree.splitlines()]
        unnamed = [
            line for line in controls if line in ("button", "link", "textbox", "checkbox", "combobox", "searchbox")
        ]
        assert unnamed == [], tree
    assert await page.locator("[tabindex]:not([tabindex='0']):not([tabindex='-1'])").count() == 0
