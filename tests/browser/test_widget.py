"""The widget, on a page of another origin with a policy of its own."""

from __future__ import annotations

import asyncio
import gzip

import aiohttp
from playwright.async_api import Browser, Locator, Page, expect

from answerback.store.access.api_keys import ApiKeys
from tests.acceptance.system import System, until
from tests.browser.conftest import Picture
from tests.browser.network import network
from tests.browser.site import Site, site

AGENTS = "tests.acceptance.agents"


def whole(count: int) -> str:
    """What the agent `recite` says."""
    return "".join(f"word{number} " for number in range(count))


async def opened(page: Page, shop: Site, api: int) -> Locator:
    """The widget's panel, on the shop's page."""
    shop.api = f"http://127.0.0.1:{api}"
    await page.goto(shop.origin)
    panel = page.get_by_role("dialog")
    await expect(panel).to_be_visible()
    return panel


async def send(panel: Locator, text: str) -> None:
    """Write and send it."""
    await panel.get_by_role("textbox").fill(text)
    await panel.get_by_role("textbox").press("Enter")


async def message_texts(panel: Locator, role: str = "assistant") -> list[str]:
    """What stands there, the greeting left out."""
    texts = await panel.locator(f".message.{role} p").evaluate_all("found => found.map(p => p.textContent)")
    return [str(text) for text in texts][1 if role == "assistant" else 0 :]


async def stored(system: System, shop: Site, role: str = "assistant") -> list[str]:
    """What stands in the one thread of the site."""
    (thread,) = await shop.threads(system)
    return [message.text for message in (await system.transcript(thread)).messages if message.role == role]


async def committed(system: System, shop: Site, *texts: str, role: str = "assistant") -> None:
    """Wait until exactly this is stored."""
    await until(lambda: stored(system, shop, role), lambda found: found == list(texts), what="the commit")


async def answered(panel: Locator, *texts: str) -> None:
    """Wait until exactly this is answered."""
    await until(lambda: message_texts(panel), lambda found: found == list(texts), what="the answer")


async def test_a_visitor_talks_from_another_origin(shared: System, shop: Site, page: Page, picture: Picture) -> None:
    shop.data = {"agent": "echo"}
    heard: list[dict[str, str]] = []
    await page.expose_function("heard", lambda detail: heard.append(detail))
    await page.add_init_script("addEventListener('answerback:message', (event) => heard(event.detail))")
    panel = await opened(page, shop, shared.port)
    await send(panel, "hello <b>you</b>")
    await answered(panel, "echo: hello <b>you</b>")
    await send(panel, "see https://example.com/a?b=c.")
    await answered(panel, "echo: hello <b>you</b>", "echo: see https://example.com/a?b=c.")
    await send(
        panel, "**bold** [link](javascript:alert(1)) <img src=x onerror=alert(1)>\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    await expect(panel.get_by_role("table")).to_be_visible()
    await expect(panel.locator(".assistant strong")).to_have_text("bold")
    assert await panel.locator(".assistant img, .user strong, .user table").count() == 0
    assert await panel.locator(".assistant a").get_attribute("href") == "https://example.com/a?b=c"
    await until(lambda: stored(shared, shop, "user"), lambda found: len(found) == 3, what="the commit")
    await until(lambda: asyncio.sleep(0, heard), lambda found: len(found) == 6, what="the events")
    assert [each["role"] for each in heard] == ["user", "assistant"] * 3
    assert heard[1]["text"] == "echo: hello <b>you</b>"
    assert await page.context.cookies() == []
    await picture(page, "widget")


async def test_it_can_be_used_with_the_keyboard_and_by_the_page(shared: System, shop: Site, page: Page) -> None:
    shop.data = {
        "agent": "echo",
        "title": "Fragen?",
        "texts": '{"placeholder": "Nachricht"}',
        "theme": "dark",
        "position": "left",
    }
    panel = await opened(page, shop, shared.port)
    await expect(panel.get_by_role("heading")).to_have_text("Fragen?")
    await panel.get_by_role("textbox", name="Nachricht").focus()
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    launcher = page.get_by_role("button", name="Open chat")
    await expect(launcher).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(panel.get_by_role("textbox")).to_be_focused()
    await page.evaluate("Answerback.close()")
    await expect(panel).to_be_hidden()
    await page.evaluate("Answerback.identify({name: 'Ada'}); Answerback.send('from the page')")
    await page.evaluate("Answerback.open()")
    await answered(panel, "echo: from the page")


async def test_buttons_are_pressed_once_and_stay_after_a_reload(shared: System, shop: Site, page: Page) -> None:
    shop.data = {"agent": "offers"}
    panel = await opened(page, shop, shared.port)
    await send(panel, "A shirt?")
    await expect(panel.get_by_role("link", name="Our shop")).to_have_attribute("href", "https://example.com/shop")
    none, menu = panel.get_by_role("button", name="None"), panel.get_by_role("combobox", name="Size")
    await expect(none).to_be_enabled()
    await none.dblclick()
    await expect(menu).to_be_disabled()
    assert await message_texts(panel, "user") == ["A shirt?", "None"]
    shared.release()
    await answered(panel, "Which one?", "Choose.", "pressed None (value: 0): button None 0")
    await page.reload()
    await menu.select_option("Large")
    large = "chose Large (value: l): select size l"
    await answered(panel, "Which one?", "Choose.", "pressed None (value: 0): button None 0", large)


async def test_a_reload_in_mid_answer_loses_and_doubles_no_word(shared: System, shop: Site, page: Page) -> None:
    shop.data = {"agent": "recite"}
    panel = await opened(page, shop, shared.port)
    await send(panel, "say 10 and 50")
    await expect(panel).to_contain_text("word9")
    await page.reload()
    await expect(panel).to_contain_text("word9")
    shared.release()
    await answered(panel, whole(60))
    assert await message_texts(panel, "user") == ["say 10 and 50"]
    await committed(shared, shop, whole(60))
    await page.reload()
    await answered(panel, whole(60))


async def test_a_network_that_comes_and_goes_loses_and_doubles_no_word(shared: System, shop: Site, page: Page) -> None:
    shop.data = {"agent": "recite"}
    async with network(shared.port) as link:
        panel = await opened(page, shop, link.port)
        await send(panel, "say 10 and 10 and 20 and 40")
        for number, (heard, missed) in enumerate((("word9", "word19"), ("word19", "word39"), ("word39", "word79")), 1):
            await expect(panel).to_contain_text(heard)
            link.cut()
            shared.release(number)
            await shared.marked(missed)
            link.mend()
        await answered(panel, whole(80))
    await committed(shared, shop, whole(80))


async def test_a_message_is_sent_once_when_its_receipt_is_lost(shared: System, shop: Site, page: Page) -> None:
    shop.data = {"agent": "count"}
    async with network(shared.port) as link:
        panel = await opened(page, shop, link.port)
        await send(panel, "one")
        await answered(panel, "0")
        link.deaf = True
        await send(panel, "two")
        await committed(shared, shop, "0", "1")
        assert await message_texts(panel) == ["0"]
        link.mend()
        await answered(panel, "0", "1")
        link.cut()
        await send(panel, "three")
        await expect(panel.get_by_role("status")).to_contain_text("No connection")
        await page.evaluate("localStorage.length")
        link.mend()
        await answered(panel, "0", "1", "2")
    assert await message_texts(panel, "user") == ["one", "two", "three"]
    await committed(shared, shop, "one", "two", "three", role="user")


async def test_what_was_not_sent_before_a_reload_is_sent_after_it(shared: System, shop: Site, page: Page) -> None:
    shop.data = {"agent": "echo"}
    async with network(shared.port) as link:
        panel = await opened(page, shop, link.port)
        link.cut()
        await send(panel, "late")
        await expect(panel).to_contain_text("Sending")
        link.mend()
        await page.reload()
        await answered(panel, "echo: late")
    await committed(shared, shop, "late", role="user")


async def test_a_killed_worker_is_not_noticed(plain: System, page: Page) -> None:
    await plain.ingress()
    first = await plain.worker(f"{AGENTS}:recites")
    async with site(plain) as shop:
        panel = await opened(page, shop, plain.port)
        await send(panel, "say 10 and 20")
        await expect(panel).to_contain_text("word9")
        await first.kill()
        plain.release()
        await plain.worker(f"{AGENTS}:recites")
        await answered(panel, whole(30))


async def test_a_message_that_a_busy_agent_does_not_take_says_so(shared: System, shop: Site, page: Page) -> None:
    shop.data = {"agent": "drop"}
    panel = await opened(page, shop, shared.port)
    await send(panel, "one")
    await shared.marked("one-1")
    await send(panel, "two")
    await shared.release_once_waiting(2)
    words = panel.locator(".message.user", has_text="two").locator("small")
    await expect(words).to_have_text("Not delivered: the assistant was busy.")
    assert await message_texts(panel) == ["one"]
    await page.reload()
    await expect(words).to_have_text("Not delivered: the assistant was busy.")


async def test_another_origin_gets_nothing(shared: System, shop: Site, browser: Browser) -> None:
    shop.data = {"agent": "echo"}
    async with site() as thief:
        thief.key = shop.key
        page = await browser.new_page()
        panel = await opened(page, thief, shared.port)
        await send(panel, "let me in")
        # The browser lets the page read nothing: to it, that is a network that is away.
        await expect(panel.get_by_role("status")).not_to_have_text("")
        assert await message_texts(panel) == []
        assert await shop.threads(shared) == []
    keys = ApiKeys(shared.database)
    for key in await keys.list():
        await keys.revoke(key.id)
    page = await browser.new_page()
    panel = await opened(page, shop, shared.port)
    await send(panel, "me too")
    await expect(panel.get_by_role("status")).not_to_have_text("")
    assert await shop.threads(shared) == []


async def test_it_is_small_and_asks_for_nothing_else(shared: System) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{shared.port}/widget.js") as answer:
        script = await answer.text()
        assert answer.headers["Content-Type"].startswith("text/javascript")
    assert len(gzip.compress(script.encode())) < 20_480
    for word in ("innerHTML", "eval(", "document.cookie", "import "):
        assert word not in script
