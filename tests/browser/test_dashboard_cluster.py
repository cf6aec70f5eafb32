"""The dashboard on a Redis Cluster: each page lists what lies in partitions on all servers, live."""

from __future__ import annotations

import asyncio
from pathlib import Path

from playwright.async_api import Page, expect

from answerback.events import Event
from answerback.messages import Author
from answerback.store import keys
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chats import Chats
from answerback.store.connection.slots import slot
from tests.acceptance.system import System
from tests.browser.dashboard import answered, open_chat, send, signed_in, started, whole
from tests.topologies.shared import SharedServers

CHATS = 6


async def test_every_page_shows_what_is_on_all_servers(
    tmp_path: Path, shared_servers: SharedServers, page: Page
) -> None:
    cluster = await asyncio.to_thread(shared_servers.cluster)
    system = System(tmp_path, {"ANSWERBACK_PARTITIONS": "16"}, server=cluster)
    await system.open()
    try:
        await started(system, TURN_MAX_ATTEMPTS="1")
        chats = Chats(system.threads)
        for number in range(CHATS):
            chat = await chats.open("default", f"th_{number:020x}", NewChat(agent="echo", title=f"order {number}"))
            event = Event(
                delivery="", thread="", kind="message", text=f"order {number}", author=Author("ada"), message="1"
            )
            await chats.say("default", chat.id, event)
        await signed_in(page, system)
        await open_chat(page, "helper")
        await send(page, "say 20")
        await answered(page, whole(20))
        await open_chat(page, "moody")
        await send(page, "What is the price?")
        await expect(page.get_by_role("alert")).to_contain_text("the database of prices is away")

        partitions = system.threads.partitions
        found = [partitions.current.of(id.decode()) for id in await _threads(system)]
        assert len({cluster.primary_of(slot(keys.counters(p))).port for p in found}) > 1

        await page.get_by_role("link", name="Overview").click()
        await expect(page.locator(".tile", has_text="dead")).to_contain_text("1")
        await page.get_by_role("link", name="Threads").click()
        for number in range(CHATS):
            await expect(page.get_by_role("link", name=f"order {number}")).to_be_visible()
        await page.get_by_role("searchbox").fill("price")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("link", name="order 1")).to_have_count(0)
        await page.get_by_role("link", name="What is the price?").click()
        await expect(page.get_by_role("heading", name="What is the price?")).to_be_visible()

        (system.marks / "mended").touch()
        await page.get_by_role("link", name="Dead letters").click()
        await page.get_by_label("Select all").check()
        await page.get_by_role("button", name="Replay").first.click()
        await expect(page.get_by_text("No dead letters.")).to_be_visible()
        await page.get_by_role("link", name="Threads").click()
        await page.get_by_role("link", name="What is the price?").click()
        await expect(page.get_by_text("That is 42 €.")).to_be_visible()
    finally:
        await system.close()


async def _threads(system: System) -> list[bytes]:
    return [id for p in await system.threads.partitions.all() for id in await _ids(system, p)]


async def _ids(system: System, p: keys.Partition) -> list[bytes]:
    ids: list[bytes] = await system.database.call("ZRANGE", keys.threads(p), 0, -1)
    return ids
