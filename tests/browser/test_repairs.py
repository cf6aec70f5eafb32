"""What an operator at night repairs: dead letters, threads that wait, threads that are held."""

from __future__ import annotations

from urllib.parse import quote

from playwright.async_api import Page, expect

from answerback.store.threads.archives import Archives
from answerback.store.threads.search import listed
from answerback.testing.standins.sender import Standard
from tests.acceptance.system import System
from tests.browser.dashboard import AGENTS, delay_api, open_chat, send, signed_in, started, whole

SQUEEZED = """table => {
  table.querySelector("td[data-label=Reason] a").textContent = "a long reason ".repeat(9);
  const range = document.createRange();
  const cells = [...table.querySelectorAll("th, td[data-label=Kind], td[data-label=Agent]")];
  return cells.map((cell) => {
    range.selectNodeContents(cell);
    return [cell.textContent, new Set([...range.getClientRects()].map((line) => line.top)).size];
  }).filter(([text, lines]) => lines > 1);
}"""
"""Returns the short words of the table that are broken into several lines."""


async def test_a_dead_letter_is_read_and_replayed(shared: System, page: Page) -> None:
    await signed_in(page, shared)
    await open_chat(page, "moody")
    await send(page, "What is the price?")
    await expect(page.get_by_role("alert")).to_contain_text("the database of prices is away")
    await page.get_by_role("link", name="Dead letters").click()
    assert await page.get_by_role("table").evaluate(SQUEEZED) == []
    await page.get_by_role("link", name="the database of prices is away").click()
    await expect(page.get_by_label("Dead letter", exact=True)).to_contain_text("What is the price?")
    await expect(page.get_by_label("Dead letter", exact=True)).to_contain_text("Traceback")
    await expect(page.get_by_label("Dead letter", exact=True)).not_to_contain_text("false")
    (shared.marks / "mended").touch()
    await page.get_by_label("Select all").check()
    await page.get_by_role("button", name="Replay").first.click()
    await expect(page.get_by_text("No dead letters.")).to_be_visible()
    await page.get_by_role("link", name="Threads").click()
    await page.get_by_role("link", name="What is the price?").click()
    await expect(page.get_by_text("That is 42 €.")).to_be_visible()


async def test_a_dead_letter_is_dropped_and_a_thread_purged(plain: System, page: Page) -> None:
    await started(plain, TURN_MAX_ATTEMPTS="1")
    await signed_in(page, plain)
    await open_chat(page, "moody")
    await send(page, "What is the price?")
    await expect(page.get_by_role("alert")).to_contain_text("the database of prices is away")
    await delay_api(page, 0.3)
    await page.get_by_role("link", name="Dead letters").click()
    await page.get_by_label("Select all").check()
    await page.get_by_role("button", name="Drop").click()
    await page.get_by_role("dialog").get_by_role("button", name="Drop").click()
    await expect(page.get_by_text("No dead letters.")).to_be_visible()
    await page.get_by_role("link", name="Threads").click()
    await page.get_by_role("searchbox").fill("price")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="What is the price?").click()
    # A chat cannot be muted.
    await expect(page.get_by_role("button", name="Purge")).to_be_visible()
    await expect(page.get_by_label("Attention")).to_have_count(0)
    await page.get_by_role("button", name="Purge").click()
    await page.get_by_role("dialog").get_by_role("button", name="Purge").click()
    await expect(page.get_by_text("No threads match.")).to_be_visible()
    assert [summary async for summary in listed(plain.threads)] == []


async def test_a_thread_of_a_platform_is_muted(plain: System, page: Page) -> None:
    ingress = await plain.ingress()
    receipt = await plain.deliver("standard", Standard().message("hi", thread="ticket-1"))
    await signed_in(page, plain)
    await page.goto(f"http://127.0.0.1:{plain.port}/#thread/{quote(receipt['thread'], safe='')}")
    attention = page.get_by_label("Attention")
    await expect(attention).to_have_value("default")
    await attention.select_option("answer only mentions")
    await expect(page.get_by_text("Attention: muted.")).to_be_visible()
    await expect(page.locator("main > p").first).to_contain_text("· muted")
    await page.reload()
    await expect(attention).to_have_value("muted")
    assert (await plain.transcript(receipt["thread"])).thread.attention == "muted"
    [line] = [line for line in ingress.lines("operator action") if line["action"] == "threads.attention"]
    assert (line["thread"], line["before"], line["attention"]) == (receipt["thread"], "default", "muted")
    # If it fails, the choice is the old one again, and the page says why.
    assert await Archives(plain.threads).purge(receipt["thread"])
    await attention.select_option("answer every message")
    await expect(
        page.get_by_text("there is no such thread").or_(page.get_by_text("no longer exists")).first
    ).to_be_visible()


async def test_dead_letters_are_found_by_reason_and_put_back_all_at_once(plain: System, page: Page) -> None:
    ingress = await plain.ingress()
    await plain.worker(f"{AGENTS}:agents", TURN_MAX_ATTEMPTS="1")
    await signed_in(page, plain)
    await open_chat(page, "moody")
    for number in (1, 2, 3):
        await send(page, f"price {number}?")
        await expect(page.locator(".message.user", has_text=f"price {number}?")).to_contain_text("failed")
    await open_chat(page, "fails")
    await send(page, "7 always")
    await expect(page.get_by_role("alert")).to_contain_text("on purpose")
    await page.get_by_role("link", name="Overview").click()
    dead = page.locator(".tile", has_text="dead").get_by_role("link", name="4")
    await expect(dead).to_have_css("color", "rgb(179, 38, 30)")
    # As if there were more than one page of them.
    await page.route(
        "**/dead-letters?*", lambda route: route.continue_(url=route.request.url.replace("limit=200", "limit=2"))
    )
    await dead.click()
    await expect(page.get_by_role("status").filter(has_text="4 in total")).to_contain_text("showing the newest 2")
    reasons = page.get_by_role("combobox", name="Reason")
    await expect(reasons).to_contain_text("1 × ValueError: attempt … of … failed on purpose")
    await reasons.select_option("RuntimeError: the database of prices is away")
    await expect(page.get_by_role("status").filter(has_text="3 of 4 in total")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("status").filter(has_text="3 of 4 in total")).to_be_visible()
    await page.get_by_role("link", name="the database of prices is away").first.click()
    detail = page.get_by_label("Dead letter", exact=True)
    await expect(detail.get_by_role("link", name="th_")).to_be_visible()
    await expect(detail).to_be_in_viewport()
    (plain.marks / "mended").touch()
    await page.get_by_label("Select all").check()
    await page.get_by_role("button", name="Select all 3 matches").click()
    await page.get_by_role("button", name="Replay 3").click()
    await expect(page.get_by_text("No dead letters match.")).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="0 of 1 in total")).to_be_visible()
    (line,) = [line for line in ingress.lines("operator action") if line["action"] == "dead_letters.replay"]
    assert (len(line["dead_letters"]), line["operator"], line["workspace"]) == (3, "dashboard", "default")
    assert [letter.agent async for letter in plain.letters.list()] == ["fails"]


async def test_a_thread_that_waits_for_its_next_try_is_tried_now(plain: System, page: Page) -> None:
    await started(plain, TURN_RETRY_SECONDS="600", TURN_RETRY_MAX_SECONDS="600")
    await signed_in(page, plain)
    await open_chat(page, "moody")
    await send(page, "What is the price?")
    await expect(page.get_by_role("alert")).to_contain_text("retrying in")
    await page.get_by_role("link", name="Threads").click()
    await page.get_by_role("link", name="What is the price?").click()
    await expect(page.get_by_text("next attempt in")).to_be_visible()
    (plain.marks / "mended").touch()
    await page.get_by_role("button", name="Retry now").click()
    await expect(page.get_by_text("That is 42 €.")).to_be_visible()


async def test_a_thread_is_taken_from_a_worker_that_is_gone(plain: System, page: Page) -> None:
    plain.settings["LEASE_SECONDS"] = "600"
    worker = await started(plain)
    await signed_in(page, plain)
    await open_chat(page, "helper")
    await send(page, "say 10 and 30")
    await expect(page.get_by_role("log")).to_contain_text("word9")
    await worker.kill()
    plain.release()
    await plain.worker(f"{AGENTS}:agents")
    await page.get_by_role("link", name="Threads").click()
    await page.get_by_role("link", name="say 10 and 30").click()
    await page.get_by_role("button", name="Unlock").click()
    await page.get_by_role("dialog").get_by_role("button", name="Unlock").click()
    await expect(page.get_by_text(whole(40))).to_be_visible()


async def test_a_step_of_unknown_outcome_is_run_again_or_not_as_the_operator_decides(plain: System, page: Page) -> None:
    await started(plain, TURN_RETRY_SECONDS="0.1", TURN_RETRY_MAX_SECONDS="0.1")
    await signed_in(page, plain)
    mended = plain.marks / "mended"
    for number, (decision, answer) in enumerate((("again", "Charged: receipt 7"), ("done", "Charged: None")), 1):
        mended.unlink(missing_ok=True)
        await open_chat(page, "pays")
        await send(page, f"order {number}")
        await expect(page.get_by_role("alert")).to_contain_text("pays failed")
        await page.get_by_role("link", name="Dead letters").click()
        await page.get_by_role("link", name="charge").first.click()
        detail = page.get_by_label("Dead letter", exact=True)
        choice = detail.get_by_role("combobox", name="The outcome of the step “charge#1” is unknown")
        await expect(choice).to_have_value("")
        before = len(list(plain.marks.glob("charged-*")))
        mended.touch()
        await choice.select_option(decision)
        await detail.get_by_role("button", name="Replay").click()
        await expect(page.get_by_text("No dead letters.")).to_be_visible()
        await page.get_by_role("link", name="Threads").click()
        await page.get_by_role("link", name="order 1").click()
        await expect(page.get_by_text(answer)).to_be_visible()
        assert len(list(plain.marks.glob("charged-*"))) - before == (1 if decision == "again" else 0)
