"""An agent that takes no messages while it works: whoever sends one is told, however he wanted to be answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from answerback.store.access.api_keys import ApiKeys
from tests.acceptance import model_host
from tests.acceptance.chatting import Client, Sent, client
from tests.acceptance.system import System

THREADS = "/threads"


@asynccontextmanager
async def busy(plain: System) -> AsyncIterator[tuple[Client, str]]:
    """One who calls, and the path of a thread whose agent works on "one" until another message is stored."""
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:drops")
    async with client(plain) as ada:
        path = f"{THREADS}/{(await ada.post(THREADS, status=201))['id']}"
        one = asyncio.create_task(ada.post(f"{path}/messages", {"content": "one"}))
        await plain.marked("one-1")
        releasing = asyncio.create_task(plain.release_once_waiting(2))
        yield ada, path
        await releasing
        assert (await one)["message"]["content"] == "one"
        said = [(m["content"], m["status"]) for m in (await ada.get(path))["messages"]]
        assert said == [("one", "completed"), ("one", "completed"), ("two", "dropped")], "and it stands in the thread"


async def ended(events: AsyncIterator[Sent], id: str) -> dict[str, Any]:
    """How a message ended."""
    async with asyncio.timeout(30):
        async for sent in events:
            if sent.kind in ("done", "error") and id in sent.data["events"]:
                found: dict[str, Any] = sent.data
                return found
    raise AssertionError("the stream ended before")


async def test_who_waits_is_refused_and_again_when_he_asks_again(plain: System) -> None:
    async with busy(plain) as (ada, path):
        for _ in range(2):
            refused = await ada.post(f"{path}/messages", {"content": "two"}, 409, Idempotency_Key="two")
            assert refused["type"].endswith("#busy")


async def test_who_streams_is_told_by_the_event_that_ends_his_stream(plain: System) -> None:
    async with busy(plain) as (ada, path):
        asked = {"content": "two", "stream": True}
        for _ in range(2):
            sent = [s async for s in ada.stream("POST", f"{path}/messages", asked, Idempotency_Key="two")]
            assert [each.kind for each in sent] == ["accepted", "done"]
            assert (sent[1].data["status"], sent[1].data["events"]) == ("dropped", [sent[0].data["id"]])


async def test_who_does_not_wait_is_told_by_an_event_and_by_the_thread(plain: System) -> None:
    async with busy(plain) as (ada, path):
        receipt = await ada.post(f"{path}/messages", {"content": "two", "wait": False}, 202)
        end = await ended(ada.stream("GET", f"{path}/stream?after={receipt['after']}"), receipt["id"])
        assert end["status"] == "dropped"


async def test_a_model_is_told_by_its_tool(plain: System) -> None:
    async with (
        busy(plain) as (_, path),
        model_host.client(plain, await model_host.key(plain)) as host,
    ):
        thread = path.removeprefix(f"{THREADS}/")
        assert "accepts no messages meanwhile" in await model_host.refused(
            host, "send_chat_message", thread_id=thread, content="two"
        )


async def test_a_visitor_is_told_too(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:drops")
    page = "https://www.example.com"
    _, shown = await ApiKeys(plain.database).create("acme", origins=[page])
    async with client(plain) as ada:
        opened = await Client(ada.session, ada.port, str(shown)).post("/sessions", {}, 201, Origin=page)
        visitor, path = Client(ada.session, ada.port, opened["token"]), f"/sessions/{opened['id']}"
        one = await visitor.post(f"{path}/messages", {"content": "one", "wait": False}, 202)
        await plain.marked("one-1")
        two = await visitor.post(f"{path}/messages", {"content": "two", "wait": False}, 202)
        plain.release()
        ends = [(await ended(visitor.stream("GET", f"{path}/stream"), id))["status"] for id in (one["id"], two["id"])]
        assert ends == ["completed", "dropped"]


async def test_a_message_that_may_not_wait_is_refused_and_says_so(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:holds")
    async with client(plain) as ada:
        path = f"{THREADS}/{(await ada.post(THREADS, status=201))['id']}"
        await ada.post(f"{path}/messages", {"content": "one", "wait": False}, 202)
        await plain.marked("one-1")
        refused = await ada.post(f"{path}/messages", {"content": "two", "arrival": "drop"}, 409)
        assert refused["type"].endswith("#busy")
        found = await ada.get(path)
        assert [m["content"] for m in found["waiting"]] == ["one"]
    plain.release()
