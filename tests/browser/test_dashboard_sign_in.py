"""Signing in to the dashboard and out again, and what a sign-in shows."""

from __future__ import annotations

import aiohttp
from playwright.async_api import Browser, Page, expect

from answerback.store.access.api_keys import ApiKeys
from answerback.store.access.sign_ins import SignIns
from answerback.store.threads.search import listed
from tests.acceptance.system import System
from tests.browser.dashboard import answered, open_chat, send, signed_in, whole


async def test_one_signs_in_with_a_key_and_out_again(shared: System, page: Page, admin: str) -> None:
    await page.goto(f"http://127.0.0.1:{shared.port}/")
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


async def test_a_link_signs_in_once(shared: System, browser: Browser, page: Page) -> None:
    token = await SignIns(shared.database).link("default")
    await page.goto(f"http://127.0.0.1:{shared.port}/#link={token}")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert token not in page.url
    other = await browser.new_page()
    await other.goto(f"http://127.0.0.1:{shared.port}/#link={token}")
    await expect(other.get_by_role("alert")).to_contain_text("link was used")
    again = await page.context.new_page()
    await again.goto(f"http://127.0.0.1:{shared.port}/#link={token}")
    await expect(again.get_by_role("heading", name="Overview")).to_be_visible()


async def test_the_cookie_is_for_the_page_alone(shared: System, page: Page) -> None:
    await signed_in(page, shared)
    (cookie,) = await page.context.cookies()
    base, headers = f"http://127.0.0.1:{shared.port}/api/v1", {"Cookie": f"{cookie['name']}={cookie['value']}"}
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


async def test_another_workspace_sees_its_own_alone(shared: System, page: Page) -> None:
    _, shown = await ApiKeys(shared.database).create("acme", scopes=["admin"])
    before = {summary.id async for summary in listed(shared.threads)}
    await signed_in(page, shared)
    await open_chat(page, "helper")
    await send(page, "say 1")
    await answered(page, whole(1))
    (thread,) = {summary.id async for summary in listed(shared.threads)} - before
    public = thread.rpartition(":")[2]
    base = f"http://127.0.0.1:{shared.port}/api/v1/admin"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {shown}"}) as http:
        for path, status in ((f"threads/{public}", 404), (f"threads/{thread}", 404), ("overview", 403)):
            async with http.get(f"{base}/{path}") as answer:
                assert answer.status == status, path
        async with http.get(f"{base}/threads") as answer:
            assert (await answer.json())["threads"] == []
