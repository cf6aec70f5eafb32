"""Every door tells the same of how a turn ended, and a message is in its thread whatever becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from answerback.events import Event
from answerback.messages import Author
from answerback.store import keys
from answerback.store.chats.sessions import session_id
from tests.acceptance import model_host
from tests.acceptance.caller import Caller, calling
from tests.acceptance.system import System, until

CHAT = "/api/v1/chat/threads"
Door = Callable[[Caller, str], Coroutine[Any, Any, tuple[str, Any]]]
"""Says something in a thread of this name; the status that it was told, and what was said."""


async def threads_door(caller: Caller, name: str) -> tuple[str, Any]:
    status, answer = await caller.post(f"{CHAT}/{name}/messages", {"content": "threads"})
    assert status == 200, answer
    return answer["status"], [message["content"] for message in answer["messages"]]


async def stream_door(caller: Caller, name: str) -> tuple[str, Any]:
    _, events = await caller.post(f"{CHAT}/{name}/messages", {"content": "stream", "stream": True})
    return ("cancelled" if '"status":"cancelled"' in events else events), []


async def openai_door(caller: Caller, name: str) -> tuple[str, Any]:
    body = {"model": "drop", "messages": [{"role": "user", "content": "openai"}], "metadata": {"thread_id": name}}
    status, answer = await caller.post("/v1/chat/completions", body)
    assert status == 200, answer
    (choice,) = answer["choices"]
    return ("cancelled" if choice["finish_reason"] == "length" else choice["finish_reason"]), []


async def openai_stream_door(caller: Caller, name: str) -> tuple[str, Any]:
    body = {"model": "drop", "messages": [{"role": "user", "content": "chunks"}], "metadata": {"thread_id": name}}
    _, chunks = await caller.post("/v1/chat/completions", {**body, "stream": True})
    return ("cancelled" if '"finish_reason":"length"' in chunks else chunks), []


async def agent_door(caller: Caller, name: str) -> tuple[str, Any]:
    status, answer = await caller.post(f"/agents/drop/{name}", {"message": "agent"})
    assert status == 200, answer
    return answer["_meta"]["status"], []


async def dialog_door(caller: Caller, name: str) -> tuple[str, Any]:
    status, answer = await caller.post("/dialog/drop/turn", {"text": "dialog", "session_id": name})
    assert (status, answer["reply"]) == (409, "")
    return answer["type"].rpartition("#turn-")[2], []


DOORS: dict[str, Door] = {
    "threads": threads_door,
    "stream": stream_door,
    "openai": openai_door,
    "chunks": openai_stream_door,
    "agent": agent_door,
    "dialog": dialog_door,
}


async def _opened(caller: Caller, door: str) -> str:
    """The thread in which a door says something."""
    if door == "dialog":
        return session_id("drop", "s1")
    status, thread = await caller.post(CHAT, {"agent": "drop"})
    assert status == 201
    return str(thread["id"])


async def test_every_door_tells_that_a_turn_was_cancelled_before_it_had_said_anything(plain: System) -> None:
    await asyncio.gather(plain.ingress(), plain.worker("tests.acceptance.agents:drops"))
    async with calling(plain) as caller, model_host.client(plain, caller.key) as host:
        for door, ask in DOORS.items():
            id = await _opened(caller, door)
            asking = asyncio.create_task(ask(caller, "s1" if door == "dialog" else id))
            await plain.marked(f"{door}-1")
            _, page = await caller.get(f"{CHAT}/{id}/messages")
            assert [(m["content"], m["status"]) for m in page["messages"]] == [(door, "waiting")], "it is there at once"
            assert (await caller.post(f"{CHAT}/{id}/cancel", {}))[1] == {"cancelled": True}
            assert await asking == ("cancelled", []), door
            _, page = await caller.get(f"{CHAT}/{id}/messages")
            assert [(m["content"], m["status"]) for m in page["messages"]] == [(door, "cancelled")]
        id = await _opened(caller, "mcp")
        told = asyncio.create_task(model_host.call(host, "send_chat_message", thread_id=id, content="mcp"))
        await plain.marked("mcp-1")
        await caller.post(f"{CHAT}/{id}/cancel", {})
        assert ((await told)["status"], (await told)["content"]) == ("cancelled", "")


async def test_a_message_whose_turn_failed_stays_and_says_so_and_is_answered_by_a_replay(plain: System) -> None:
    await plain.ingress()
    fails = await plain.worker("tests.acceptance.agents:failing", TURN_MAX_ATTEMPTS="1")
    async with calling(plain) as caller, calling(plain, "admin") as operator:
        id = str((await caller.post(CHAT, {}))[1]["id"])
        status, problem = await caller.post(f"{CHAT}/{id}/messages", {"content": "fail 1"}, Idempotency_Key="one")
        assert (status, problem["code"]) == (502, "agent_failed")
        for door in (f"{CHAT}/{id}", f"{CHAT}/{id}/messages"):
            (message,) = (await caller.get(door))[1]["messages"]
            assert (message["content"], message["status"]) == ("fail 1", "failed")
            error = {"code": "agent_failed", "reason": "the agent failed", "turn": problem["turn"]}
            assert message["error"] == error
        (line,) = (await operator.get(f"/api/v1/admin/threads/{id}"))[1]["messages"]
        assert (line["content"], line["status"]) == ("fail 1", "failed")
        # What its sender asks again is told by the record, when nothing else is kept of it.
        await plain.database.call("DEL", keys.stream_events(0, f"chat:default:{id}"))
        again, same = await caller.post(f"{CHAT}/{id}/messages", {"content": "fail 1"}, Idempotency_Key="one")
        assert (again, same["code"], same["turn"]) == (502, "agent_failed", problem["turn"])
        assert (await caller.post(f"{CHAT}/{id}/messages", {"content": "fail 0"}))[0] == 200
        other = str((await caller.post(CHAT, {}))[1]["id"])
        failed = await caller.post(f"{CHAT}/{other}/messages", {"content": "fail 1"}, Idempotency_Key="two")
        assert await fails.stop() == 0
        for turn in (failed[1]["turn"], problem["turn"]):
            assert (await operator.post(f"/api/v1/admin/dead-letters/{turn}/replay", {"fresh": True}))[0] == 204
        headers = {"Idempotency_Key": "two", "Accept": "text/event-stream"}
        asking = asyncio.create_task(caller.post(f"{CHAT}/{other}/messages", {"content": "fail 1"}, **headers))
        await plain.worker("tests.acceptance.agents:counts")
        for _, events in (
            await asking,
            await caller.post(f"{CHAT}/{other}/messages", {"content": "fail 1"}, **headers),
        ):
            assert "event: done" in events, "whoever asks for it again is told of the last time"
            assert "event: error" not in events

        async def statuses() -> list[tuple[str, str]]:
            return [(m["content"], m["status"]) for m in (await caller.get(f"{CHAT}/{id}/messages"))[1]["messages"]]

        await until(statuses, lambda found: len(found) == 4 and "failed" not in str(found), what="the replay")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/dialog/drop/turn", "/dialog/drop/stream"])
async def test_a_client_that_leaves_stops_what_nobody_else_can_read(plain: System, path: str) -> None:
    await asyncio.gather(plain.ingress(), plain.worker("tests.acceptance.agents:drops"))
    body = {"text": "one"} if "dialog" in path else {"model": "drop", "messages": [{"role": "user", "content": "one"}]}
    async with calling(plain) as caller:
        asking = asyncio.create_task(caller.post(path, body))
        await plain.marked("one-1")
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        # Nobody releases the agent: its turn ends only if it is cancelled.
        await plain.quiet(1)


async def test_a_turn_that_did_what_is_done_once_is_not_interrupted(plain: System) -> None:
    await plain.worker("tests.acceptance.agents:pays")
    for number in range(2):
        event = Event(
            delivery=f"standard:{number}", thread="standard:t", kind="message", text=f"text {number}",
            author=Author("ada"), message=str(number),
        )  # fmt: skip
        await plain.threads.accept(event)
        if not number:
            await until(lambda: _charged(plain), what="the charge")
    plain.release()
    await plain.quiet(2)
    found = await plain.transcript("standard:t")
    assert [(m.role, m.text, m.status) for m in found.messages] == [
        ("user", "text 0", ""), ("assistant", "text 0", ""), ("user", "text 1", ""), ("assistant", "text 1", ""),
    ]  # fmt: skip
    assert len(await _charged(plain)) == 2


async def _charged(system: System) -> list[str]:
    return sorted(mark.name for mark in system.marks.glob("charged-*"))
