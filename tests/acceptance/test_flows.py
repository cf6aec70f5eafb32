"""Dialog flows on real processes: a conversation keeps its place, and what was done is done once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from answerback.store.threads.search import listed
from answerback.testing.standins.sender import Standard
from tests.acceptance.caller import calling
from tests.acceptance.system import System, until
from tests.standins.client import StandIns

KYC = "examples.kyc.agents:agents"
SHOP = "tests.acceptance.flow_agents:flow"


class Shop:
    """An API on loopback; while `slow` is set it does what it is asked, and does not answer."""

    def __init__(self) -> None:
        self.charges: list[str] = []
        self.slow = asyncio.Event()
        self.url = ""

    async def charge(self, request: web.Request) -> web.Response:
        self.charges.append(request.headers.get("Idempotency-Key", ""))
        if self.slow.is_set():
            await until(self._quick, what="the end of the delay")
        return web.json_response({"order": len(self.charges)})

    async def charged(self) -> list[str]:
        return self.charges

    async def _quick(self) -> bool:
        return not self.slow.is_set()


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    found = Shop()
    app = web.Application()
    app.router.add_route("*", "/charge", found.charge)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    yield found
    await runner.cleanup()


async def _talk(system: System, *texts: str, thread: str = "t", handled: int = 0) -> list[str]:
    for number, text in enumerate(texts, handled + 1):
        await system.deliver("standard", Standard().message(text, thread=thread))
        await system.quiet(number)
    return await system.answers(f"standard:{thread}")


async def test_the_kyc_example_opens_an_account_without_a_model_and_over_a_crash(plain: System) -> None:
    await plain.ingress()
    first = await plain.worker(KYC)
    await _talk(plain, "hello", "yes", "ada lovelace")
    async with calling(plain, "admin") as caller:
        place = (await caller.get("/api/v1/admin/threads/standard:t"))[1]["flow"]
        assert (place["agent"], place["node"], place["name"]) == ("kyc", "birth", "Date of birth")
        status, picture = await caller.get("/api/v1/admin/threads/standard:t/flow")
        assert status == 200
        assert "at the step “Date of birth”" in picture
    await first.kill()
    await plain.worker(KYC)
    said = await _talk(plain, "some day", "1990-12-10", "1234", "yes", handled=3)
    assert [text.partition(".")[0] for text in said] == [
        "Welcome to Northwind Bank",
        "What is your full name?",
        "Thank you, Ada Lovelace",
        "Thank you, Ada Lovelace",
        "What are the last four digits of your identity card?",
        "Ada Lovelace, born 1990-12-10, card ending in 1234",
        "Thank you, Ada Lovelace",
    ]


async def test_the_kyc_example_asks_a_model_where_one_is_named(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(KYC, MODEL="openai-chat:standin")
    said = await _talk(system, "hello", "yes", "ada king", 'use tool gives_birth {"born": "1990-12-10"}', "1234")
    assert said[2].startswith("Thank you, Ada King")
    assert said[-1].startswith("Ada King, born 1990-12-10, card ending in 1234")
    assert (await standins.counts())["model"]["chat.completions"] == 1


async def test_a_model_chooses_collects_and_phrases_in_one_request(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(SHOP)
    said = await _talk(
        system, "hello", 'use tool orders {"item": "oil", "reply": "Oil is fine. Buy it?"}', "use tool enough {}"
    )
    assert said == ["What do you need?", "Oil is fine. Buy it?", "Thank you, order ."]
    requests = await standins.requests("model", "chat.completions")
    assert len(requests) == 2
    assert "Praise <item> and ask" in str(requests[0].body)
    assert "Praise oil" in str(requests[1].body)


async def test_a_failing_model_is_a_retry_and_no_instruction_is_shown(system: System, standins: StandIns) -> None:
    await standins.add_fault(do="status", platform="model", status=500, times=2)
    await system.ingress()
    await system.worker(SHOP)
    said = await _talk(system, "hello", 'use tool orders {"item": "oil", "reply": "Oil is fine."}')
    assert said == ["What do you need?", "Oil is fine."]


async def test_an_action_is_taken_once_and_its_answer_decides(system: System, shop: Shop) -> None:
    await system.ingress()
    await system.worker(SHOP, API=shop.url, ALLOW_PRIVATE_URLS="true")
    assert await _talk(system, "hello", "pay") == ["What do you need?", "Thank you, order 1."]
    assert len(shop.charges) == 1
    assert shop.charges[0].endswith(":action charge#1")


async def test_an_action_to_a_private_address_is_a_dead_letter_that_says_why(system: System, shop: Shop) -> None:
    await system.ingress()
    await system.worker(SHOP, API=shop.url)
    assert await _talk(system, "hello", "pay") == ["What do you need?"]
    [letter] = [letter async for letter in system.letters.list()]
    assert "its address is not public" in letter.reason
    assert shop.charges == []


async def _killed_in_an_action(system: System, shop: Shop, method: str) -> None:
    await system.ingress()
    settings = {"API": shop.url, "ALLOW_PRIVATE_URLS": "true", "CHARGE_METHOD": method}
    worker = await system.worker(SHOP, **settings)
    await _talk(system, "hello")
    shop.slow.set()
    await system.deliver("standard", Standard().message("pay", thread="t"))
    await until(shop.charged, what="the action being taken")
    await worker.kill()
    shop.slow.clear()
    await system.worker(SHOP, **settings)


async def test_an_action_of_unknown_outcome_is_not_repeated(system: System, shop: Shop) -> None:
    await _killed_in_an_action(system, shop, "POST")
    await system.quiet(2)
    assert len(shop.charges) == 1
    [letter] = [letter async for letter in system.letters.list()]
    assert 'step "action charge" started' in letter.reason
    # The conversation is where it was, and goes on.
    assert await _talk(system, "pay", handled=2) == ["What do you need?", "Thank you, order 2."]


async def test_an_action_that_may_be_repeated_is_finished_by_another_worker(system: System, shop: Shop) -> None:
    await _killed_in_an_action(system, shop, "PUT")
    await system.quiet(2)
    assert len(shop.charges) == 2
    assert await system.answers("standard:t") == ["What do you need?", "Thank you, order 2."]


async def test_what_a_flow_says_is_read_as_it_is_said_and_once_over_a_crash(system: System, shop: Shop) -> None:
    await system.ingress()
    settings = {"API": shop.url, "ALLOW_PRIVATE_URLS": "true", "CHARGE_METHOD": "PUT"}
    worker = await system.worker(SHOP, **settings)
    async with calling(system) as caller, aiohttp.ClientSession() as session:
        opened = await caller.post("/dialog/shop/turn", {"text": "hello", "session_id": "s"})
        assert opened == (200, {"reply": "What do you need?"})
        shop.slow.set()
        body, headers = {"text": "write 60 words", "session_id": "s"}, {"Authorization": f"Bearer {caller.key}"}
        async with session.post(f"{caller.base}/dialog/shop/stream", json=body, headers=headers) as answer:
            assert await answer.content.readany() == b"One moment."
            await until(shop.charged, what="the action being taken")
            await worker.kill()
            shop.slow.clear()
            await system.worker(SHOP, **settings)
            pieces = [piece async for piece, _ in answer.content.iter_chunks()]
    poem = " ".join(f"word{number}" for number in range(1, 61))
    whole = f"One moment.\n\n{poem}\n\nThank you, order 2."
    assert (b"One moment." + b"".join(pieces)).decode() == whole
    assert len(pieces) > 3
    [thread] = [summary.id async for summary in listed(system.threads)]
    assert await system.answers(thread) == ["What do you need?", whole]
