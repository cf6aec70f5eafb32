"""The event stream of a thread, on real processes: followed, left, resumed elsewhere, ended."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from tests.acceptance.chatting import Screen, Sent, client
from tests.acceptance.system import System, free_port, until

THREADS = "/threads"


async def test_an_answer_is_streamed_to_its_end(plain: System) -> None:
    await plain.ingress(STREAM_HEARTBEAT_SECONDS="0.05")
    await plain.worker("tests.acceptance.agents:recites")
    async with client(plain) as ada:
        path = f"{THREADS}/{(await ada.post(THREADS, status=201))['id']}"
        screen, sent = Screen(), list[Sent]()

        async def ask() -> None:
            asked = {"content": "say 4 and 4"}
            async for each in ada.stream("POST", f"{path}/messages", asked, Accept="text/event-stream"):
                sent.append(each)
                screen.show(each)

        async def silent() -> bool:
            return bool(screen.texts) and ada.silences > 2

        asking = asyncio.create_task(ask())
        await until(silent, what="the words so far, and silence")
        plain.release()
        await asking
        assert (sent[0].kind, sent[-1].kind) == ("accepted", "done")
        whole = "".join(f"word{number} " for number in range(8))
        assert screen.texts == {sent[-1].data["message"]: whole}
        assert (await ada.get(path))["messages"][1]["content"] == whole
        # The same in one shape, of a new turn and of a stored one.
        own = {"Authorization": f"Bearer {ada.key}", "Last-Event-ID": sent[0].data["after"]}
        posted = {"content": "say 3", "stream": True}
        async with ada.session.post(ada.url(f"{path}/messages?format=envelope"), json=posted, headers=own) as stream:
            shown = await envelopes(stream, "done")
        assert (shown[0]["type"], shown[0]["message_id"]) == ("accepted", shown[0]["dispatch_id"])
        assert {each["turn_id"] for each in shown[1:]} == {shown[0]["dispatch_id"]}
        assert "".join(each.get("delta", "") for each in shown) == "word0 word1 word2 "
        async with ada.session.get(ada.url(f"{path}/stream?format=envelope"), headers=own) as stream:
            again = await envelopes(stream, "done")
        assert "".join(each.get("delta", "") for each in again) == whole
        assert again[-1]["message_id"] == sent[-1].data["message"]


async def envelopes(stream: aiohttp.ClientResponse, last: str) -> list[dict[str, Any]]:
    """Read the envelopes of a stream, up to one of the type `last`; no event has a name."""
    shown: list[dict[str, Any]] = []
    async for line in stream.content:
        assert not line.startswith(b"event:")
        if line.startswith(b"data:"):
            shown.append(json.loads(line[5:]))
            if shown[-1]["type"] == last:
                break
    return shown


async def test_a_reader_that_is_cut_off_goes_on_at_another_process(plain: System) -> None:
    await plain.ingress()
    other = free_port()
    await plain.ingress(PORT=str(other))
    first = await plain.worker("tests.acceptance.agents:recites")
    async with client(plain) as ada, client(plain, port=other) as twin:
        path = f"{THREADS}/{(await ada.post(THREADS, status=201))['id']}"
        receipt = await ada.post(f"{path}/messages", {"content": "say 20 and 60", "wait": False}, 202)
        screen, clients = Screen(), [ada, twin]
        screen.last = receipt["after"]

        async def read() -> None:
            while not screen.ended:
                clients.reverse()
                await screen.watch(clients[0], f"{path}/stream", at_most=3)

        reading = asyncio.create_task(read())
        await plain.marked("word19")
        await first.kill()
        plain.release()
        await plain.worker("tests.acceptance.agents:recites")
        await reading
        assert screen.ended
        assert screen.ended.data["status"] == "completed"
        (committed,) = [m for m in (await ada.get(path))["messages"] if m["role"] == "assistant"]
        assert screen.texts == {committed["id"]: committed["content"]}


async def test_a_reader_that_leaves_ends_nothing_and_a_cancel_does(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:recites")
    async with client(plain) as ada:
        path = f"{THREADS}/{(await ada.post(THREADS, status=201))['id']}"
        events = ada.stream("POST", f"{path}/messages", {"content": "say 2 and 10", "stream": True})
        async for sent in events:
            if sent.kind == "text":
                break
        await events.aclose()  # type: ignore[attr-defined]
        plain.release()

        async def answered() -> Any:
            return [m["content"] for m in (await ada.get(path))["messages"] if m["role"] == "assistant"]

        assert await until(answered) == ["".join(f"word{number} " for number in range(12))]
        asking = asyncio.create_task(ada.post(f"{path}/messages", {"content": "say 1 and 1 and 1"}))

        async def running() -> bool:
            return bool((await ada.get(path))["state"] == "running")

        await until(running)
        assert await ada.post(f"{path}/cancel") == {"cancelled": True}
        assert (await asking)["status"] == "cancelled"
        assert await ada.post(f"{path}/cancel") == {"cancelled": False}


async def test_followers_of_a_deleted_thread_are_told(plain: System) -> None:
    await plain.ingress()
    async with client(plain) as ada:
        path = f"{THREADS}/{(await ada.post(THREADS, status=201))['id']}"
        asking = asyncio.create_task(ada.call("POST", f"{path}/messages", {"content": "hello"}))

        async def waits() -> bool:
            return bool((await ada.get(path))["state"] == "waiting")

        await until(waits)
        assert (await ada.call("DELETE", path)).status == 204
        assert (await asking).status == 404
