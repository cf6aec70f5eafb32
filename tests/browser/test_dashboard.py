"""The dashboard, as an operator at night uses it, and someone who tries an agent."""

from __future__ import annotations

import signal
from math import sin

import aiohttp
from playwright.async_api import Browser, Page, Response, Route, expect

from answerback.store.access.api_keys import ApiKeys
from answerback.store.access.sign_ins import SignIns
from answerback.store.fleet import keys as fleet_keys
from answerback.store.fleet.metrics import MINUTE, Metrics, timed
from answerback.store.fleet.remote_agents import RemoteAgent, RemoteAgents
from answerback.store.threads.search import listed
from tests.acceptance.remote import remote_agent
from tests.acceptance.system import System, until
from tests.browser.conftest import Picture
from tests.browser.dashboard import AGENTS, answered, answers, open_chat, send, signed_in, started, whole


async def test_one_signs_in_with_a_key_and_out_again(plain: System, page: Page, admin: str) -> None:
    await started(plain)
    await page.goto(f"http://127.0.0.1:{plain.port}/")
    await page.get_by_label("API key").fill("ab_live_0123456789abcdef_" + "x" * 40)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("unknown, expired or revoked")
    await page.get_by_label("API key").fill(admin)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    (cookie,) = await page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert admin not in cookie["value"]
    await page.reload()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()


async def test_a_link_signs_in_once(plain: System, browser: Browser, page: Page) -> None:
    await plain.ingress()
    token = await SignIns(plain.database).link("default")
    await page.goto(f"http://127.0.0.1:{plain.port}/#link={token}")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert token not in page.url
    other = await browser.new_page()
    await other.goto(f"http://127.0.0.1:{plain.port}/#link={token}")
    await expect(other.get_by_role("alert")).to_contain_text("link was used")
    again = await page.context.new_page()
    await again.goto(f"http://127.0.0.1:{plain.port}/#link={token}")
    await expect(again.get_by_role("heading", name="Overview")).to_be_visible()


async def test_the_cookie_is_for_the_page_alone(plain: System, page: Page) -> None:
    await plain.ingress()
    await signed_in(page, plain)
    (cookie,) = await page.context.cookies()
    base, headers = f"http://127.0.0.1:{plain.port}/api/v1", {"Cookie": f"{cookie['name']}={cookie['value']}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.get(f"{base}/admin/session") as answer:
            assert answer.status == 200
            token = (await answer.json())["csrf"]
        async with http.post(f"{base}/chat/threads", json={}) as answer:
            assert answer.status == 403, "a change needs the page's own word"
        async with http.get(f"{base}/admin/session", headers={"Sec-Fetch-Site": "same-site"}) as answer:
            assert answer.status == 403, "another origin's page asks"
        async with http.post(f"{base}/chat/threads", json={}, headers={"X-CSRF-Token": token}) as answer:
            assert answer.status == 201


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


async def test_a_reload_in_mid_answer_loses_and_doubles_no_word(plain: System, page: Page, picture: Picture) -> None:
    await started(plain)
    await signed_in(page, plain)
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
    plain.release()
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


async def test_a_card_shows_whether_a_remote_agent_can_be_reached(plain: System, page: Page) -> None:
    await started(plain, ALLOW_PRIVATE_URLS="true")
    async with remote_agent() as remote:
        for name, url in (("weather", remote.url), ("away", "http://127.0.0.1:1/agents")):
            about = RemoteAgent(name=name, url=url, description="Knows the weather.", lease=3_600_000)
            await RemoteAgents(plain.database).register("default", about)
        await signed_in(page, plain)
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
        await RemoteAgents(plain.database).remove("default", "weather")
        await expect(weather).to_have_count(0)
        await expect(away.get_by_text("http://127.0.0.1:1/agents")).to_be_visible()
        for width in (1280, 390):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{width} px"


async def test_an_answer_is_stopped(plain: System, page: Page) -> None:
    await started(plain)
    await signed_in(page, plain)
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
    plain: System, page: Page, picture: Picture
) -> None:
    await started(plain)
    await signed_in(page, plain)
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


async def test_two_browsers_see_one_talk(plain: System, page: Page, another: Browser) -> None:
    await started(plain)
    await signed_in(page, plain)
    await open_chat(page, "helper")
    await send(page, "say 1")
    await answered(page, whole(1))
    # The same person elsewhere: signed in as here, and with the same talk.
    elsewhere = await another.new_context(storage_state=await page.context.storage_state())
    other = await elsewhere.new_page()
    await other.goto(page.url)
    await answered(other, whole(1))
    await send(page, "say 6 and 14")
    await expect(other.get_by_role("log")).to_contain_text("word5")
    plain.release()
    await answered(page, whole(1), whole(20))
    await answered(other, whole(1), whole(20))
    await send(other, "say 3")
    await answered(page, whole(1), whole(20), whole(3))
    await answered(other, whole(1), whole(20), whole(3))


async def test_another_workspace_sees_its_own_alone(plain: System, page: Page) -> None:
    await started(plain)
    _, shown = await ApiKeys(plain.database).create("acme", scopes=["admin"])
    await signed_in(page, plain)
    await open_chat(page, "helper")
    await send(page, "say 1")
    await answered(page, whole(1))
    (thread,) = [summary.id async for summary in listed(plain.threads)]
    public = thread.rpartition(":")[2]
    base = f"http://127.0.0.1:{plain.port}/api/v1/admin"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {shown}"}) as http:
        for path, status in ((f"threads/{public}", 404), (f"threads/{thread}", 404), ("overview", 403)):
            async with http.get(f"{base}/{path}") as answer:
                assert answer.status == status, path
        async with http.get(f"{base}/threads") as answer:
            assert (await answer.json())["threads"] == []


async def test_a_running_turn_shows_its_steps_in_order_and_its_words_as_they_are_meant(
    plain: System, page: Page
) -> None:
    await started(plain)
    await signed_in(page, plain)
    await open_chat(page, "careful")
    await send(page, "**go**")
    await plain.marked("held")
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
    plain.release()
    await expect(page.locator(".message.assistant strong").first).to_have_text("heavy")
    await expect(page.get_by_role("table").first).to_contain_text("240")


async def test_what_the_server_leaves_out_or_lets_through_does_no_harm(plain: System, page: Page) -> None:
    """A call of the history has ended, also where its outcome is left out; no address but a web page's is a link."""
    await started(plain)
    await signed_in(page, plain)
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


async def test_it_is_small_and_loads_nothing_from_elsewhere(plain: System, page: Page) -> None:
    await plain.ingress()
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))
    await signed_in(page, plain)
    assert all(response.url.startswith(f"http://127.0.0.1:{plain.port}/") for response in responses)
    sizes = [len(await response.body()) for response in responses if "/api/" not in response.url]
    assert len(sizes) > 10
    assert sum(sizes) < 150_000


async def test_it_fits_a_phone_and_the_dark(plain: System, browser: Browser) -> None:
    await started(plain, TURN_MAX_ATTEMPTS="1")
    phone = await browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark", has_touch=True)
    page = await phone.new_page()
    await signed_in(page, plain)
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
    await page.get_by_role("link", name="the database of prices is away").click()
    await expect(page.get_by_label("Dead letter", exact=True)).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_every_control_has_a_name_and_can_be_reached_by_key(plain: System, page: Page) -> None:
    await started(plain)
    await signed_in(page, plain)
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
