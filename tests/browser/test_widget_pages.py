"""The widget on pages that are hard on it, and when its key opens nothing: tests/fixtures/pages has the pages."""

from __future__ import annotations

import aiohttp
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from answerback.store.access.api_keys import ApiKeys
from tests.acceptance.system import System, until
from tests.browser.site import POLICY, Site, site
from tests.browser.test_widget import message_texts, opened, send

AGENTS = "tests.browser.agents:agents"


async def on(page: Page, shop: Site, name: str) -> Locator:
    """The widget's panel, on a page of the fixtures."""
    await page.goto(f"{shop.origin}/fixtures/{name}.html")
    panel = page.get_by_role("dialog")
    await expect(panel).to_be_visible()
    return panel


async def answered(panel: Locator, text: str) -> None:
    """Say it, and wait until it is answered and nothing about it is left open."""
    await send(panel, text)
    await until(lambda: message_texts(panel), lambda found: found[-1:] == [f"echo: {text}"], what="the answer")
    assert (await message_texts(panel)).count(f"echo: {text}") == 1
    await expect(panel.locator(".message.user small").last).to_be_empty()
    await expect(panel.get_by_role("status")).to_be_empty()


async def shows(panel: Locator, *texts: str) -> None:
    """Wait until exactly these answers stand there."""
    await until(lambda: message_texts(panel), lambda found: found == list(texts), what="the answers")


async def count(system: System, shop: Site) -> int:
    """How many threads its visitors have opened."""
    return len(await shop.threads(system))


async def test_storage_that_fails_lies_or_forgets_loses_no_message(shared: System, shop: Site, page: Page) -> None:
    """What the page wrote is kept by the page; what counts as sent is for the server to say."""
    shop.api = f"http://127.0.0.1:{shared.port}"
    hard = ("storage_is_full", "storage_is_off", "storage_forgets", "json_is_patched", "storage_holds_nonsense")
    for number, name in enumerate(hard, 1):
        panel = await on(page, shop, name)
        await answered(panel, f"one on {name}")
        await answered(panel, f"two on {name}")
        assert await count(shared, shop) == number, "both belong to one session"
        if name == "json_is_patched":
            await page.reload()
            await shows(panel, f"echo: one on {name}", f"echo: two on {name}")


async def test_a_browser_that_lacks_a_feature_is_no_lost_connection(shared: System, shop: Site, page: Page) -> None:
    shop.api = f"http://127.0.0.1:{shared.port}"
    for name in ("stylesheet_constructor_is_missing", "new_features_are_missing", "responses_do_not_stream"):
        panel = await on(page, shop, name)
        await answered(panel, f"hello on {name}")
        assert await panel.evaluate("panel => getComputedStyle(panel).display") == "flex", "it is dressed"
    panel = await on(page, shop, "module_script")
    await answered(panel, "from a module")
    await page.goto(f"{shop.origin}/fixtures/sandbox_without_forms.html")
    panel = page.frame_locator("iframe").get_by_role("dialog")
    await panel.get_by_role("textbox").fill("from a sandbox")
    await panel.get_by_role("button", name="Send").click()
    await expect(panel).to_contain_text("echo: from a sandbox")


async def test_navigation_that_replaces_the_body_keeps_the_conversation(shared: System, shop: Site, page: Page) -> None:
    shop.api = f"http://127.0.0.1:{shared.port}"
    panel = await on(page, shop, "body_is_replaced")
    await answered(panel, "before")
    await panel.get_by_role("textbox").fill("half written")
    await page.get_by_role("button", name="navigate").click()
    await expect(panel.get_by_role("textbox")).to_have_value("half written")
    await answered(panel, "after")
    await page.evaluate("document.body.replaceChildren()")  # as htmx does
    await expect(panel).to_be_visible()
    # The new body's script runs again, and the copy that a snapshot holds comes back.
    await page.evaluate(
        """([src, key]) => new Promise((done) => {
            document.body.innerHTML = '<div data-answerback></div>';
            const script = Object.assign(document.createElement('script'), {src, onload: done});
            Object.assign(script.dataset, {key, agent: 'echo', open: ''});
            document.body.append(script);
        })""",
        [f"{shop.api}/widget.js", shop.key],
    )
    await answered(panel, "after all")
    await expect(page.locator("[data-answerback]")).to_have_count(1)
    assert await message_texts(panel) == ["echo: before", "echo: after", "echo: after all"]
    await page.evaluate("const old = document.open(); old.write('<p>another page'); old.close()")
    await expect(panel).to_be_visible()
    await page.evaluate("Answerback.remove()")
    await expect(panel).to_have_count(0)
    assert await count(shared, shop) == 1


async def test_what_is_typed_is_sent_when_it_is_meant(shared: System, shop: Site, page: Page) -> None:
    shop.api = f"http://127.0.0.1:{shared.port}"
    panel = await on(page, shop, "data_agent_is_not_a_text")
    box = panel.get_by_role("textbox")
    # Safari's Enter that ends a composition: https://bugs.webkit.org/show_bug.cgi?id=165004
    await box.fill("日本")
    for fields in ("keyCode: 229, isComposing: false", "keyCode: 13, isComposing: true"):
        await box.evaluate(
            f"box => box.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Enter', bubbles: true, {fields}}}))"
        )
    await expect(box).to_have_value("日本")
    low = await box.evaluate("box => box.offsetHeight")
    await box.fill("日本\n" * 4)
    assert await box.evaluate("box => box.offsetHeight") > 2 * low, "it grows with its text"
    await box.press("Enter")
    assert await box.evaluate("box => box.offsetHeight") == low
    # The agent of `data-agent` has a name that is shown nowhere.
    await expect(panel.get_by_role("status")).to_have_text("Ada is typing…")
    shared.release()
    await expect(panel.locator(".message.assistant").last).to_contain_text("日本")


async def test_a_turn_that_failed_can_be_tried_again(shared: System, shop: Site, page: Page) -> None:
    shop.data = {"agent": "moody"}
    panel = await opened(page, shop, shared.port)
    await send(panel, "What is the price?")
    await expect(panel.locator(".message.user")).to_contain_text("Something went wrong")
    (shared.marks / "mended").touch()
    await panel.get_by_role("button", name="Try again").click()
    await expect(panel).to_contain_text("That is 42 €.")
    await expect(panel.get_by_role("button", name="Try again")).to_have_count(0)


async def test_a_key_that_opens_nothing_is_no_lost_connection(
    shared: System, shop: Site, page: Page, browser: Browser
) -> None:
    shop.data = {"agent": "echo"}
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    async with site() as thief:
        thief.key, thief.data = shop.key, shop.data
        await refused(page, await opened(page, thief, shared.port), asked)
    strict = await browser.new_page()
    shop.policy = "default-src 'none'; script-src {api}"
    await refused(strict, await opened(strict, shop, shared.port), asked)
    await strict.close()
    shop.policy = POLICY
    panel = await opened(page, shop, shared.port)
    await answered(panel, "while it is good")
    keys = ApiKeys(shared.database)
    for key in await keys.list():
        await keys.revoke(key.id)

    async def check() -> bool:
        url, headers = f"{shop.api}/widget/check", {"Origin": shop.origin}
        async with aiohttp.request("POST", url, data=shop.key, headers=headers) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            return bool((await answer.json())["usable"])

    await until(check, lambda usable: not usable, what="ingress noticing that the key is revoked")
    await refused(page, panel, asked)
    assert await count(shared, shop) == 1


async def refused(page: Page, panel: Locator, asked: list[str]) -> None:
    """Say something: it is told that the chat is not available, and nothing is asked again and again."""
    reasons = "window.reasons = []; addEventListener('answerback:error', (event) => reasons.push(event.detail.code))"
    await page.evaluate(reasons)
    await send(panel, "let me in")
    await expect(panel.get_by_role("status")).to_have_text("Chat is not available right now.")
    await expect(panel.locator(".message.user").last).to_contain_text("This message could not be sent.")
    assert await page.evaluate("reasons[0]") in ("wrong-origin", "no-credential", "connect-src")
    before = len(asked)
    # Longer than the first pauses between two attempts would be.
    await page.evaluate("new Promise((done) => setTimeout(done, 1500))")
    assert len(asked) == before
    await expect(panel.get_by_role("button", name="Try again")).to_be_visible()


async def test_two_tabs_show_one_conversation(shared: System, shop: Site, page: Page) -> None:
    shop.data = {"agent": "echo"}
    context: BrowserContext = page.context
    panel = await opened(page, shop, shared.port)
    other = await opened(await context.new_page(), shop, shared.port)
    await answered(panel, "one")
    await shows(other, "echo: one")
    await answered(other, "two")
    await shows(panel, "echo: one", "echo: two")
    assert await count(shared, shop) == 1
