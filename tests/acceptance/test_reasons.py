"""Why a turn failed is told whole to those who may read the dead letters; others get general words and its id."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from answerback.store.access.api_keys import ApiKeys
from tests.acceptance import model_host
from tests.acceptance.caller import Caller, calling
from tests.acceptance.chatting import Client, client
from tests.acceptance.remote import remote_agent
from tests.acceptance.system import System, until

CHATTERS = "tests.acceptance.chatters:chatters"
WHY = "on purpose"
GENERAL = "its operators can see why"
PAGE = "https://www.example.com"
ALWAYS = {"message": "fail always"}
ASKED = {"messages": [{"role": "user", "content": "fail always"}]}


@pytest.fixture
async def chat(plain: System) -> System:
    """An ingress, and a worker with agents that fail."""
    plain.settings |= {
        "TURN_MAX_ATTEMPTS": "2",
        "TURN_RETRY_SECONDS": "0.05",
        "ALLOW_PRIVATE_URLS": "true",
    }
    await asyncio.gather(plain.ingress(), plain.worker(CHATTERS))
    return plain


async def fail(client: Client, path: str, **headers: str) -> list[Any]:
    """The refusal of a message that fails, the events of another one, and those that are told again."""
    refused = await client.post(f"{path}/messages", {"content": "fail always"}, 502, **headers)
    asked = {"content": "fail always", "stream": True}
    sent = [each async for each in client.stream("POST", f"{path}/messages", asked, **headers)]
    again = []
    async for each in client.stream("GET", f"{path}/stream", **headers):
        again.append(each)
        if [one.kind for one in again].count("error") == 2:
            break
    for events in (sent, again):
        assert {"retry", "error"} <= {each.kind for each in events}
        assert {each.data["code"] for each in events if each.kind in ("retry", "error")} == {"agent_failed"}
    turn = next(each.data["turn"] for each in again if each.kind == "error")
    assert (refused["turn"], refused["code"], refused["type"][-12:]) == (turn, "agent_failed", "#turn-failed")
    return [refused["detail"], *(each.data["reason"] for each in [*sent, *again] if each.kind in ("retry", "error"))]


async def test_a_visitor_and_a_products_server_are_told_in_general_words_and_an_operator_why(chat: System) -> None:
    _, shown = await ApiKeys(chat.database).create("acme", origins=[PAGE])
    async with client(chat) as server, client(chat, "acme", "admin") as admin:
        page = Client(server.session, server.port, str(shown))
        opened = await page.post("/sessions", {"agentId": "fails"}, 201, Origin=PAGE)
        visitor = Client(server.session, server.port, opened["token"])
        thread = (await server.post("/threads", {"agent": "fails"}, 201))["id"]
        for stranger, path in ((visitor, f"/sessions/{opened['id']}"), (server, f"/threads/{thread}")):
            for words in await fail(stranger, path):
                assert GENERAL in words
                assert WHY not in words
                assert words.rpartition(" ")[2] in [letter.id async for letter in chat.letters.list()]
        thread = (await admin.post("/threads", {"agent": "fails"}, 201))["id"]
        assert all(WHY in why for why in await fail(admin, f"/threads/{thread}"))
        # The dashboard's chat is an operator's too: its cookie stands for the key that signed in.
        base = f"http://127.0.0.1:{chat.port}/api/v1"
        key = {"Authorization": f"Bearer {admin.key}"}
        async with server.session.post(f"{base}/admin/session", headers=key) as signed:
            cookie = {"Cookie": f"answerback={signed.cookies['answerback'].value}"}
        async with (
            aiohttp.ClientSession(headers=cookie) as session,
            session.get(f"{base}/chat/threads/{thread}/stream") as stream,
        ):
            async for line in stream.content:
                if b'"retry"' in line or (line.startswith(b"data") and b"agent_failed" in line):
                    assert WHY.encode() in line
                    break


async def told(caller: Caller) -> dict[str, str]:
    """What each other way of asking says of a turn that fails."""
    streamed = {**ASKED, "stream": True}
    ways: dict[str, tuple[str, Any]] = {
        "completion": ("/v1/chat/completions", {"model": "fails", **ASKED}),
        "stream of a completion": ("/v1/chat/completions", {"model": "fails", **streamed}),
        "stream that breaks": ("/v1/chat/completions", {"model": "breaks", **streamed}),
        "agent's message": ("/v1/agents/fails/message", ALWAYS),
        "turn": ("/dialog/fails/turn", {"text": "fail always"}),
        "turn in pieces": ("/dialog/fails/stream", {"text": "fail always"}),
    }
    found = {}
    for way, (path, body) in ways.items():
        status, answer = await caller.post(path, body)
        assert status == (200 if way == "stream that breaks" else 502), (way, answer)
        found[way] = answer if isinstance(answer, str) else json.dumps(answer)
    return found


async def test_every_other_way_of_asking_keeps_to_the_same_rule(chat: System) -> None:
    async with calling(chat) as server, calling(chat, "admin") as admin:
        for way, said in (await told(server)).items():
            assert (GENERAL in said, WHY in said) == (True, False), (way, said)
        for way, said in (await told(admin)).items():
            assert WHY in said, (way, said)
    for scopes, expected in (((), GENERAL), (("admin",), WHY)):
        async with model_host.client(chat, await model_host.key(chat, "acme", *scopes)) as host:
            thread = await model_host.call(host, "create_chat_thread", agent="fails")
            refused = await model_host.refused(host, "send_chat_message", thread_id=thread["id"], content="fail always")
            assert expected in refused
            assert (WHY in refused) == (expected == WHY)


async def test_a_thread_that_is_tried_again_tells_its_trouble_by_the_same_rule(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:failing", TURN_RETRY_SECONDS="3600")
    async with client(plain) as server, client(plain, "acme", "admin") as admin:
        path = f"/threads/{(await server.post('/threads', status=201))['id']}"
        await server.post(f"{path}/messages", {"content": "fail always", "wait": False}, 202)

        async def trouble() -> Any:
            return (await server.get(path))["error"]

        assert GENERAL in await until(trouble)
        assert GENERAL in (await server.get("/threads"))["threads"][0]["error"]
        assert WHY in (await admin.get(path))["error"]
        assert WHY in (await admin.get("/threads"))["threads"][0]["error"]


async def test_an_address_that_gives_no_answer_is_named_to_operators_alone(chat: System) -> None:
    async with calling(chat) as server, calling(chat, "admin") as admin, remote_agent() as remote:
        await admin.post("/v1/agents", {"id": "weather", "url": remote.url, "runtimeSpec": {"supportsChat": True}})
        remote.statuses = [500] * 4
        asked = [await each.post("/v1/agents/weather/message", {"message": "hi"}) for each in (server, admin)]
    assert [(status, problem["code"]) for status, problem in asked] == [(502, "unreachable")] * 2
    assert asked[0][1]["detail"].startswith("the agent could not be reached; its operators")
    assert "status 500" in asked[1][1]["detail"]


async def test_a_limit_is_told_to_everybody(plain: System) -> None:
    await plain.ingress()
    await plain.worker("tests.acceptance.agents:holds", TURN_TIMEOUT_SECONDS="0.2")
    async with client(plain) as server:
        path = f"/threads/{(await server.post('/threads', status=201))['id']}"
        refused = await server.post(f"{path}/messages", {"content": "hello"}, 504)
    assert "the turn took longer than 0.2 s" in refused["detail"]
    assert refused["code"] == "timeout"
