"""The dashboard, as an operator at night uses it, and someone who tries an agent."""

from __future__ import annotations

import signal
from math import sin

import pytest
from playwright.async_api import Browser, Page, expect

from answerback.store.fleet import keys as fleet_keys
from answerback.store.fleet.metrics import MINUTE, Metrics, timed
from answerback.store.fleet.remote_agents import RemoteAgent, RemoteAgents
from tests.acceptance.remote import remote_agent
from tests.acceptance.system import System, until
from tests.browser.conftest import Picture
from tests.browser.dashboard import AGENTS, answered, answers, open_chat, send, signed_in, started, whole


@pytest.mark.long
async def test_what_happens_is_seen_live(plain: System, page: Page) -> None:
    ingress = await plain.ingress()
    worker = await plain.worker(f"{AGENTS}:agents")
    await page.context.clock.install()
    await signed_in(page, plain)
    await expect(page.get_by_text("live", exact=True)).to_be_visible()
    tile = page.locator(".tile", has_text="in flight")
    await expect(tile).to_contain_text("0")
    dead = page.locator(".tile", has_text="dead").get_by_role("link")
    await dead.focus()
    other = await page.context.new_page()
    await other.goto(page.url.split("#")[0] + "#agents")
    await open_chat(other, "helper")
    await send(other, "say 5 and 5")
    await expect(tile).to_contain_text("1")
    plain.release()
    await answered(other, whole(10))
    await expect(tile).to_contain_text("0")
    await expect(dead).to_be_focused()
    await worker.stop()
    await expect(page.get_by_text("No worker is running")).to_be_visible()
    await expect(page.locator("figure").first).to_contain_text("1 in the last hour")
    await other.goto(page.url.split("#")[0] + "#agents")
    await expect(other.get_by_text("live", exact=True)).to_be_visible()
    # It hangs, and closes no connection: only the clock of the pages goes on, and faster.
    ingress.signal(signal.SIGSTOP)
    await page.context.clock.fast_forward(11_000)
    await expect(page.get_by_text("not live: no updates for")).to_be_visible()
    await expect(other.get_by_text("not live: no updates for")).to_be_visible()
    ingress.signal(signal.SIGCONT)
    await expect(page.get_by_text("live", exact=True)).to_be_visible()


async def test_the_charts_show_the_last_hour_and_day(plain: System, page: Page, picture: Picture) -> None:
    await started(plain)
    now = await plain.database.now() // MINUTE
    for back in range(1, 1400):
        busy = 40 + int(30 * sin(back / 9)) + back % 7
        counted = {"events": busy, "turns": busy, timed(0.9 + back % 11 / 9): busy, timed(3 + back % 5): busy // 12}
        counted |= {"failed": back % 4} if back % 17 < 3 else {}
        await plain.database.together(
            *[("HINCRBY", fleet_keys.minute(now - back), name, count) for name, count in counted.items()]
        )
    hour = sum([found.events for found in await Metrics(plain.database).read(60)])
    await signed_in(page, plain)
    await expect(page.locator("figure").first).to_contain_text("in the last hour")
    assert hour > 1000
    assert await page.locator("figure").first.locator("rect").count() == 60
    await picture(page, "overview")
    await page.get_by_label("Charts").select_option("day")
    await page.reload()
    await expect(page.locator("figure").first).to_contain_text("in the last 24 hours")
    assert await page.locator("figure").first.locator("rect").count() == 144


async def test_a_reload_in_mid_answer_loses_and_doubles_no_word(shared: System, page: Page, picture: Picture) -> None:
    await signed_in(page, shared)
    await open_chat(page, "helper")
    await send(page, "say 20 and 40")
    log = page.get_by_role("log")
    await expect(log).to_contain_text("word5")
    await page.reload()
    await expect(log).to_contain_text("word19")
    await picture(page, "chat")
    # A message sent meanwhile is answered afterwards.
    await expect(page.get_by_role("textbox", name="Message")).to_be_enabled()
    await send(page, "say 2")
    await expect(page.locator(".message.user")).to_have_count(2)
    shared.release()
    await answered(page, whole(60), whole(2))
    await page.reload()
    await answered(page, whole(60), whole(2))


async def test_an_agent_that_cannot_be_talked_to_says_why(plain: System, page: Page) -> None:
    worker = await started(plain)
    await signed_in(page, plain)
    await page.get_by_role("link", name="Agents").click()
    for name, why in (("silent", "chat is disabled"), ("nightly", "its lifecycle is scheduled")):
        card = page.locator(".card", has=page.get_by_role("heading", name=name))
        await expect(card).to_contain_text(f"Unavailable: {why}.")
        await expect(card.get_by_role("link")).to_have_count(0)
    card = page.locator(".card", has=page.get_by_role("heading", name="helper"))
    await expect(card.get_by_role("link", name="Chat with helper")).to_be_visible()
    await worker.stop()
    await expect(card).to_contain_text("Unavailable: no live worker runs it.")


async def test_a_card_shows_whether_a_remote_agent_can_be_reached(shared: System, page: Page) -> None:
    async with remote_agent() as remote:
        for name, url in (("weather", remote.url), ("away", "http://127.0.0.1:1/agents")):
            about = RemoteAgent(name=name, url=url, description="Knows the weather.", lease=3_600_000)
            await RemoteAgents(shared.database).register("default", about)
        await signed_in(page, shared)
        await page.get_by_role("link", name="Agents").click()
        weather = page.locator(".card", has=page.get_by_role("heading", name="weather"))
        away = page.locator(".card", has=page.get_by_role("heading", name="away"))
        await expect(weather.locator(".badge")).to_have_text("reachable")
        await expect(weather.get_by_role("link", name="Chat with weather")).to_be_visible()
        await expect(away.locator(".badge")).to_have_text("unreachable")
        await expect(away).to_contain_text("Unavailable: it cannot be reached.")
        await expect(away.get_by_role("link")).to_have_count(0)
        await away.get_by_text("Details").click()
        await expect(away).to_contain_text("cannot connect to 127.0.0.1")
        await expect(away).to_contain_text("Last seennever")
        # The page reads the agents anew; what is open stays open.
        await RemoteAgents(shared.database).remove("default", "weather")
        await expect(weather).to_have_count(0)
        await expect(away.get_by_text("http://127.0.0.1:1/agents")).to_be_visible()
        for width in (1280, 390):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{width} px"
    await RemoteAgents(shared.database).remove("default", "away")


async def test_an_answer_is_stopped(shared: System, page: Page) -> None:
    await signed_in(page, shared)
    await open_chat(page, "helper")
    await send(page, "say 4 and 4")
    await expect(page.get_by_role("log")).to_contain_text("word3")
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_role("log")).to_contain_text("cancelled")
    await send(page, "say 3")
    await until(lambda: answers(page), lambda found: found[-1:] == [whole(3)], what="the next answer")


async def test_a_worker_killed_in_mid_answer_is_not_noticed(plain: System, page: Page) -> None:
    worker = await started(plain)
    await signed_in(page, plain)
    await open_chat(page, "helper")
    await send(page, "say 10 and 20")
    await expect(page.get_by_role("log")).to_contain_text("word9")
    await worker.kill()
    plain.release()
    await plain.worker(f"{AGENTS}:agents")
    await answered(page, whole(30))


async def test_a_flow_is_drawn_with_the_step_at_which_the_thread_is(
    shared: System, page: Page, picture: Picture
) -> None:
    await signed_in(page, shared)
    talk = await page.context.new_page()
    await talk.goto(page.url)
    await open_chat(talk, "kyc")
    for text in ("hello", "yes"):
        await expect(talk.get_by_role("textbox", name="Message")).to_be_enabled()
        await send(talk, text)
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.get_by_role("link", name="Threads").click()
    await page.get_by_role("link", name="hello").click()
    drawing, box = page.get_by_role("img"), page.get_by_role("group", name="Flow of kyc")
    for step, answer in (("Name", "ada king"), ("Date of birth", "1990-12-10"), ("Identity card", "1234")):
        await expect(page.get_by_role("heading", name=f"Flow: {step}")).to_be_visible()
        await expect(drawing).to_have_accessible_name(f"Flow of kyc, at the node “{step}”")
        await expect(drawing).to_have_js_property("complete", True)
        assert await drawing.evaluate("image => image.naturalWidth") > 360, "it is drawn, and wider than the phone"
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, "the page is not"
        await send(talk, answer)
    await expect(page.get_by_role("heading", name="Flow: Confirmation")).to_be_visible()
    await until(lambda: box.evaluate("box => box.scrollTop"), lambda top: top > 300, what="the step being in view")
    await picture(page, "flow")


async def test_two_browsers_see_one_talk(shared: System, page: Page, browser: Browser) -> None:
    await signed_in(page, shared)
    await open_chat(page, "helper")
    await send(page, "say 1")
    await answered(page, whole(1))
    # The same person elsewhere, in a profile that shares nothing: signed in as here, and with the same talk.
    elsewhere = await browser.new_context(storage_state=await page.context.storage_state())
    other = await elsewhere.new_page()
    await other.goto(page.url)
    await answered(other, whole(1))
    await send(page, "say 6 and 14")
    await expect(other.get_by_role("log")).to_contain_text("word5")
    shared.release()
    await answered(page, whole(1), whole(20))
    await answered(other, whole(1), whole(20))
    await send(other, "say 3")
    await answered(page, whole(1), whole(20), whole(3))
    await answered(other, whole(1), whole(20), whole(3))
    await elsewhere.close()


async def test_a_running_turn_shows_its_steps_in_order_and_its_words_as_they_are_meant(
    shared: System, page: Page
) -> None:
    await signed_in(page, shared)
    await open_chat(page, "careful")
    await send(page, "**go**")
    await shared.marked("held")
    await send(page, "and then?")
    await page.get_by_role("link", name="Threads").click()
    await page.get_by_label("State").select_option("running")
    await page.reload()
    assert "state=running" in page.url, "a filter is a part of the address"
    await expect(page.get_by_label("State")).to_have_value("running")
    await page.get_by_role("link", name="**go**").click()
    steps = page.get_by_role("row").filter(has_text="#1")
    await expect(steps).to_have_count(3)
    assert [text.split("#")[0] for text in await steps.all_text_contents()] == ["weigh", "count", "ask"]
    await expect(steps.nth(0)).to_contain_text("done")
    await expect(steps.nth(0)).to_contain_text("240")
    await expect(steps.nth(2)).to_contain_text("running")
    await expect(page.get_by_role("listitem").filter(has_text="**go**")).to_contain_text("in progress")
    await expect(page.get_by_role("listitem").filter(has_text="and then?")).to_contain_text("waiting")
    shared.release()
    await expect(page.locator(".message.assistant strong").first).to_have_text("heavy")
    await expect(page.get_by_role("table").first).to_contain_text("240")
