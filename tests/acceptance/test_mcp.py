"""MCP at /mcp, spoken by the official client to real processes: any of them, for whoever has a key."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.acceptance.model_host import call, client, followers, key, refused
from tests.acceptance.system import System, free_port, until

TOOLS = [
    "list_chat_threads", "create_chat_thread", "get_chat_thread", "send_chat_message", "rename_chat_thread",
    "pin_chat_thread", "archive_chat_thread", "delete_chat_thread",
]  # fmt: skip
RECITED = "".join(f"word{number} " for number in range(30))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_each_tool_does_what_it_says_in_every_revision_of_the_protocol(plain: System, mode: str) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:recites")
    async with client(plain, await key(plain), mode=mode) as connected:
        assert connected.protocol_version == ("2026-07-28" if mode == "auto" else "2025-11-25")
        assert getattr(connected.server_info, "name", "") == "answerback"
        assert [tool.name for tool in (await connected.list_tools()).tools] == TOOLS
        about = {"title": "Hello", "user_id": "ada", "metadata": {"lead": 7}}
        thread = await call(connected, "create_chat_thread", system_prompt="Be brief.", **about)
        assert {name: thread[name] for name in about} == about
        assert thread["system"] == "Be brief."
        assert (await call(connected, "create_chat_thread", system="Be kind."))["system"] == "Be kind."
        renamed = await call(connected, "rename_chat_thread", thread_id=thread["id"], title="Lunch")
        pinned = await call(connected, "pin_chat_thread", thread_id=thread["id"])
        assert (renamed["title"], pinned["title"], pinned["pinned"]) == ("Lunch", "Lunch", True)
        listed = await call(connected, "list_chat_threads", pinned=True)
        assert [each["id"] for each in listed["threads"]] == [thread["id"]]
        assert not (await call(connected, "pin_chat_thread", thread_id=thread["id"], pinned=False))["pinned"]
        answered = await call(connected, "send_chat_message", thread_id=thread["id"], content="say 30")
        assert (answered["status"], answered["content"]) == ("completed", RECITED)
        whole = await call(connected, "get_chat_thread", thread_id=thread["id"])
        assert [(message["role"], message["content"]) for message in whole["messages"]] == [
            ("user", "say 30"),
            ("assistant", RECITED),
        ]
        assert whole["messages"][0]["id"] == answered["id"]
        newest = await call(connected, "get_chat_thread", thread_id=thread["id"], limit=1)
        assert ([message["role"] for message in newest["messages"]], newest["earlier"]) == (["assistant"], 1)
        assert (await call(connected, "archive_chat_thread", thread_id=thread["id"]))["archived"]
        assert (await call(connected, "list_chat_threads", user_id="ada"))["threads"] == []
        archived = await call(connected, "list_chat_threads", archived="true", user_id="ada")
        assert [each["id"] for each in archived["threads"]] == [thread["id"]]
        assert not (await call(connected, "archive_chat_thread", thread_id=thread["id"], archived=False))["archived"]
        gone = await call(connected, "delete_chat_thread", thread_id=thread["id"])
        assert gone == {"thread": thread["id"], "deleted": True}
        for tool in ("delete_chat_thread", "get_chat_thread"):
            assert "no such thread" in await refused(connected, tool, thread_id=thread["id"])


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_progress_comes_while_the_turn_runs(plain: System, mode: str) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:recites")
    heard: list[tuple[float, str]] = []
    running: list[bool] = []
    async with client(plain, await key(plain), mode=mode) as connected, client(plain, await key(plain)) as other:

        async def progress(number: float, total: float | None, message: str | None) -> None:
            heard.append((number, message or ""))
            if len(heard) == 2:
                whole = await call(other, "get_chat_thread", thread_id=thread["id"])
                running.append(whole["messages"] == [] and whole["state"] == "running" and len(whole["waiting"]) == 1)
                plain.release()

        thread = await call(connected, "create_chat_thread")
        answered = await call(connected, "send_chat_message", progress, thread_id=thread["id"], content="say 5 and 25")
    assert answered["content"] == RECITED
    assert running == [True]
    assert heard[0][1] == "[recite answers]"
    assert "".join(message for _, message in heard[1:]) == RECITED
    assert [number for number, _ in heard] == sorted({number for number, _ in heard}), "it only grows"


async def test_any_process_answers_any_request(plain: System) -> None:
    other = free_port()
    await plain.ingress()
    await plain.ingress(PORT=str(other))
    await plain.worker("tests.acceptance.agents:recites")
    shown = await key(plain)
    for mode in ("auto", "legacy"):
        async with (
            client(plain, shown, mode=mode) as here,
            client(plain, shown, port=other, mode=mode) as there,
        ):
            thread = await call(here, "create_chat_thread")
            assert (await call(there, "send_chat_message", thread_id=thread["id"], content="say 2"))["content"]
            assert len((await call(here, "get_chat_thread", thread_id=thread["id"]))["messages"]) == 2


async def test_a_call_made_again_does_nothing_twice(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:recites")
    async with client(plain, await key(plain)) as connected:
        made = [await call(connected, "create_chat_thread", title="x", idempotency_key="a") for _ in range(2)]
        assert made[0]["id"] == made[1]["id"]
        assert "different parameters" in await refused(connected, "create_chat_thread", title="y", idempotency_key="a")
        message = {"thread_id": made[0]["id"], "content": "say 3", "idempotency_key": "b"}
        stored = await call(connected, "send_chat_message", wait=False, **message)
        assert (stored["status"], stored["content"]) == ("stored", "")
        for _ in range(2):
            answered = await call(connected, "send_chat_message", **message)
            assert (answered["id"], answered["content"]) == (stored["id"], "word0 word1 word2 ")
        assert (await call(connected, "get_chat_thread", thread_id=made[0]["id"]))["message_count"] == 2


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_who_stops_waiting_ends_nothing(plain: System, mode: str) -> None:
    process = await plain.ingress()
    await plain.worker("tests.acceptance.agents:recites")
    shown = await key(plain)
    async with client(plain, shown) as other:
        thread = (await call(other, "create_chat_thread"))["id"]
        begun = asyncio.Event()

        async def progress(number: float, total: float | None, message: str | None) -> None:
            begun.set()

        async def ask() -> None:
            async with client(plain, shown, mode=mode) as connected:
                await call(connected, "send_chat_message", progress, thread_id=thread, content="say 5 and 5")

        asking = asyncio.create_task(ask())
        await begun.wait()
        assert await followers(plain, thread) == 1
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: followers(plain, thread), lambda found: found == 0, what="nobody following any more")
        assert (await call(other, "get_chat_thread", thread_id=thread))["state"] == "running"
        assert await plain.threads.cancel(f"chat:acme:{thread}")

        async def read() -> dict[str, Any]:
            return await call(other, "get_chat_thread", thread_id=thread)

        whole = await until(read, lambda found: found["state"] == "idle", what="the turn's end")
        assert [message["status"] for message in whole["messages"]] == ["completed", "cancelled"]
    assert "Traceback" not in process.words()


async def test_a_process_that_stops_leaves_nobody_waiting(plain: System) -> None:
    process = await plain.ingress()
    await plain.worker("tests.acceptance.agents:recites", SHUTDOWN_GRACE_SECONDS="0.1")
    async with client(plain, await key(plain)) as connected:
        thread = await call(connected, "create_chat_thread")
        begun = asyncio.Event()

        async def progress(number: float, total: float | None, message: str | None) -> None:
            begun.set()

        sending = asyncio.create_task(
            call(connected, "send_chat_message", progress, thread_id=thread["id"], content="say 5 and 5")
        )
        await begun.wait()
        assert await process.stop() == 0
        assert (await sending)["status"] == "stored"
    assert "Traceback" not in process.words()
