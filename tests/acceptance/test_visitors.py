"""Whoever holds a session's token reads what was said in their session, and nothing of how it came about."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from answerback.settings import Settings
from answerback.store.access.api_keys import ApiKeys
from answerback.store.threads.threads import Threads
from ingress.app import application
from ingress.webhooks import Webhooks
from tests.acceptance.chatting import Client, Sent, client
from tests.acceptance.confiding import SECRET
from tests.acceptance.described import Names, Operation
from tests.acceptance.system import System

PAGE = "https://www.example.com"


class Page:
    """A page with a session of its own, opened without naming an agent, and the product's server beside it."""

    def __init__(self, server: Client, visitor: Client, id: str) -> None:
        self.server = server
        self.visitor = visitor
        self.id = id
        self.path = f"/sessions/{id}"


@pytest.fixture
async def page(plain: System) -> AsyncIterator[Page]:
    """A page, with everything running."""
    plain.settings |= {"TURN_MAX_ATTEMPTS": "2", "TURN_RETRY_SECONDS": "0.05"}
    await plain.ingress()
    await plain.worker("tests.acceptance.confiding:confiding")
    _, shown = await ApiKeys(plain.database).create("acme", origins=[PAGE])
    async with client(plain) as server:
        key = Client(server.session, server.port, str(shown))
        opened = await key.post("/sessions", {}, 201, Origin=PAGE)
        assert (opened["agentId"], opened["token"][:7]) == (None, "ab_ses_")
        for agent in ("nobody", "unknown"):
            refused = await key.post("/sessions", {"agentId": agent}, 404, Origin=PAGE)
            assert SECRET not in str(refused), "whom else there is to talk to"
        yield Page(server, Client(server.session, server.port, opened["token"]), opened["id"])


async def fill(page: Page) -> None:
    """Let the server, other users and the agent leave in the session what is not the visitor's."""
    thread = f"/threads/{page.id}"
    changed = await page.server.call("PATCH", thread, {"title": SECRET, "metadata": {"lead": SECRET}})
    assert changed.status == 200
    lead = {"type": "json", "name": SECRET, "data": {"lead": SECRET}}
    headers = {"Authorization": f"Bearer {page.server.key}", "Content-Type": "text/plain"}
    url, query = page.server.url(f"{thread}/files"), {"name": SECRET}
    async with page.server.session.post(url, data=SECRET, params=query, headers=headers) as uploaded:
        file = (await uploaded.json())["id"]
    message = {"content": "context", "attachments": [lead], "files": [file]}
    await page.server.post(f"{thread}/messages", message)
    asked = {
        "model": f"agent-{SECRET}", "user": SECRET, "metadata": {"thread_id": page.id},
        "messages": [{"role": "system", "content": SECRET}, {"role": "user", "content": "from the server"}],
    }  # fmt: skip
    url = f"http://127.0.0.1:{page.server.port}/v1/chat/completions"
    async with page.server.session.post(
        url, json=asked, headers={"Authorization": f"Bearer {page.server.key}"}
    ) as done:
        assert done.status == 200, await done.text()


async def to_the_end(who: Client, path: str, turns: int) -> list[Sent]:
    """The events of a thread, until so many of its turns have ended."""
    found: list[Sent] = []
    events = who.stream("GET", f"{path}/stream", Origin=PAGE)
    async with asyncio.timeout(60):
        async for sent in events:
            found.append(sent)
            if sum(each.kind in ("done", "error") for each in found) == turns:
                break
    await events.aclose()  # type: ignore[attr-defined]
    return found


async def test_a_visitor_reads_names_of_tools_and_what_is_public(page: Page) -> None:
    answer = await page.visitor.post(f"{page.path}/messages", {"content": "shoes?"}, Origin=PAGE)
    assert answer["message"]["content"] == "Here they are."
    calls = {call["name"]: call for call in answer["message"]["tool_calls"]}
    hidden = {"args": None, "result": None, "outcome": None}
    assert calls["look_up"] == {"id": "c1", "name": "look_up", **hidden}
    assert calls["fail"] == {"id": "c3", "name": "fail", **hidden}
    assert calls["find_shoes"] == {
        "id": "c2", "name": "find_shoes", "args": {"size": 42}, "result": "shoes of size 42", "outcome": "done",
    }  # fmt: skip
    asked = {"content": "shoes?", "stream": True}
    sent = [each async for each in page.visitor.stream("POST", f"{page.path}/messages", asked, Origin=PAGE)]
    told = {(each.kind, each.data["name"]): each.data for each in sent if each.kind.startswith("tool")}
    assert told["tool_call", "look_up"].keys() == told["tool_result", "look_up"].keys() == {"turn", "id", "name"}
    assert told["tool_call", "find_shoes"]["args"] == {"size": 42}
    assert told["tool_result", "find_shoes"]["result"] == "shoes of size 42"
    assert SECRET not in str((answer, sent))
    whole = await page.server.get(f"{page.path}/messages")
    assert {"customer": f"args {SECRET}"} in [call["args"] for m in whole["messages"] for call in m["tool_calls"]]


async def test_no_route_and_no_stream_tells_a_visitor_what_is_internal(plain: System, page: Page) -> None:
    await fill(page)
    seen: list[Any] = [await page.visitor.post(f"{page.path}/messages", {"content": "shoes?"}, Origin=PAGE)]
    seen.append(await page.visitor.post(f"{page.path}/messages", {"content": "explode"}, 502, Origin=PAGE))
    asked = {"content": "explode again", "stream": True}
    seen += [each async for each in page.visitor.stream("POST", f"{page.path}/messages", asked, Origin=PAGE)]
    followed = await to_the_end(page.visitor, page.path, turns=5)
    assert {"turn", "text", "tool_call", "tool_result", "retry", "done", "error"} <= {each.kind for each in followed}
    seen += followed
    for path in (page.path, f"{page.path}/messages"):
        seen.append(await page.visitor.get(path))
        assert SECRET in str(await page.server.get(path)), "the product's server reads it"
    async with aiohttp.ClientSession() as session:
        for method, path, body in await every_route(plain, session, page):
            seen.append((method, path, await ask(session, page, method, path, body)))
    for each in seen:
        assert SECRET not in str(each), each


async def every_route(system: System, session: aiohttp.ClientSession, page: Page) -> list[tuple[str, str, Any]]:
    """Every route that an ingress has, with the session's id wherever an id goes; but the one that ends the session."""
    base = f"http://127.0.0.1:{page.visitor.port}"
    async with session.get(f"{base}/api/v1/openapi.json") as answer:
        operations = {(each.method, each.path): each for each in Operation.all(await answer.json())}
    settings = Settings.load(system.settings)
    threads = Threads(system.database)
    names = Names(page.id, "nobody", base)
    found: list[tuple[str, str, Any]] = []
    for route in application(settings, threads, Webhooks(settings, threads)).router.routes():
        path = route.resource.canonical if route.resource else ""
        known = operations.pop((route.method, path), None)
        if known:
            found.append((route.method, known.address(names, query=False), known.body(names)))
        elif route.method != "OPTIONS" and not path.endswith("/messages"):
            found.append((route.method, re.sub(r"\{\w+\}", page.id, path), {"jsonrpc": "2.0", "id": 1, "method": "x"}))
    assert len(found) > 60
    assert not operations, "every documented route is among them"
    return sorted(found, key=lambda each: (each[1].endswith("/end"), each[1], each[0]))


async def ask(session: aiohttp.ClientSession, page: Page, method: str, path: str, body: Any) -> str:
    """What a visitor gets of a route: all of it, or of a stream that stays open its beginning."""
    key, kind = {"Authorization": f"Bearer {page.visitor.key}"}, {"Content-Type": "application/json"}
    headers = {**key, **kind, "Origin": PAGE, "Accept": "*/*"}
    url = f"http://127.0.0.1:{page.visitor.port}{path}"
    async with session.request(method, url, data=json.dumps(body), headers=headers) as answer:
        assert answer.status < 500 or answer.status == 502, (path, await answer.text())
        if answer.content_type == "text/event-stream" and method == "GET":
            return str([each.data for each in await to_the_end(page.visitor, page.path, turns=5)])
        return f"{answer.headers} {await answer.text()}"
