"""Nobody sees anything of another workspace, through any route that there is: ids are worth nothing to strangers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import aiohttp
import pytest

from answerback.store.access.api_keys import ApiKeys
from answerback.testing.standins.sender import Standard
from tests.acceptance.described import Names, Operation
from tests.acceptance.remote import remote_agent
from tests.acceptance.system import System

MARK = "Zanzibar-7731"
PAGE = "https://www.example.com"
SCOPES = ("chat:read", "chat:write", "admin")
FREE = {"sessionId"}
"""Names in paths that are no ids: any text is one, and each workspace has its own of it."""


class Tenant:
    """A workspace with something of everything in it, all of it marked. `ids` is all by which any of it is known."""

    def __init__(self, system: System, session: aiohttp.ClientSession, key: str, url: str) -> None:
        self._base = f"http://127.0.0.1:{system.port}"
        self._session = session
        self._key = key
        self.url = url
        self.ids: set[str] = set()
        self.token = ""

    async def call(
        self, method: str, path: str, body: Any = None, key: str = "", **headers: str
    ) -> tuple[int, str, Any]:
        """Status, text, and JSON if it is."""
        headers = {"Authorization": f"Bearer {key or self._key}", **headers}
        async with self._session.request(method, self._base + path, json=body, headers=headers) as answer:
            text = await answer.text()
            return answer.status, text, await answer.json() if answer.content_type == "application/json" else None

    async def settle(self, publishable: str) -> None:
        """Have threads, sessions, messages, an agent, a dead letter."""
        chat, said = "/api/v1/chat", {"content": f"about {MARK}"}
        about = {"user_id": MARK, "title": MARK, "system": MARK, "metadata": {"secret": MARK}}
        thread = await self._made(f"{chat}/threads", {**about, "agent": "echo"}, 201)
        for _ in range(2):
            await self._made(f"{chat}/threads/{thread['id']}/messages", said)
        opened = await self._made(f"{chat}/sessions", {"agentId": "echo", "metadata": {"secret": MARK}}, 201)
        await self._made(f"{chat}/sessions/{opened['id']}/messages", said)
        url, query = f"{self._base}/api/v1/files", {"thread": thread["id"], "name": MARK}
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "text/plain"}
        async with self._session.post(url, data=MARK, params=query, headers=headers) as uploaded:
            self.ids.add((await uploaded.json())["id"])
        failing = await self._made(f"{chat}/threads", {"agent": "fails", "title": MARK}, 201)
        await self._made(f"{chat}/threads/{failing['id']}/messages", {"content": f"{MARK} always"}, 502)
        agent = {"id": "acme-agent", "url": self.url, "description": MARK, "runtimeSpec": {"supportsChat": True}}
        await self._made("/v1/agents", agent, 201)
        await self._made("/agents/acme-agent/acme-talk", {"message": MARK})
        await self._made("/dialog/echo/turn", {"text": MARK, "session_id": "acme-talk"})
        lines = [{"role": "user", "content": MARK}]
        for named in ({"metadata": {"thread_id": "acme-thread"}}, {"user": "acme-user", "store": True}):
            await self._made("/v1/chat/completions", {"model": "echo", "messages": lines, **named})
        token = await self._made(f"{chat}/sessions", {"agentId": "echo"}, 201, publishable, Origin=PAGE)
        self.token = token["token"]
        self.ids |= {"acme-agent", "acme-talk", "acme-thread", "acme-user"}
        for path in ("chat/threads?limit=1", "chat/threads", f"chat/threads/{thread['id']}", "admin/dead-letters"):
            self._collect((await self.call("GET", f"/api/v1/{path}"))[2])
        self._collect((await self.call("GET", f"{chat}/threads/{thread['id']}/messages?limit=1"))[2])
        self.ids -= {token["id"]}

    async def all_there(self, operations: list[Operation]) -> dict[str, str]:
        """What it sees itself: every answer with the mark, by its address."""
        reads = [each for each in operations if each.method == "GET" and not each.path.endswith("/stream")]
        paths = {each.address(Names(id, id, self.url), query=False) for each in reads for id in self.ids}
        found = {}
        for path in sorted(paths):
            status, text, _ = await self.call("GET", path)
            if status == 200 and MARK in text:
                # How an agent does changes by itself.
                found[path] = re.sub(r'"(latencyP50|turnsRunning|workers|unavailable)":[^,}]+', "", text)
                found[path] = re.sub(r'"reachability":{[^}]+}', "", found[path])
        return found

    async def issue_token(self, user: str) -> str:
        """Issue a token for a user."""
        return str((await self._made("/api/v1/user-tokens", {"user_id": user}, 201))["token"])

    async def _made(self, path: str, body: Any, status: int = 200, key: str = "", **headers: str) -> Any:
        found, text, made = await self.call("POST", path, body, key, **headers)
        assert found == status, text
        return made

    def _collect(self, body: Any) -> None:
        """Take every id and cursor of an answer."""
        if isinstance(body, list):
            for each in body:
                self._collect(each)
        elif isinstance(body, dict):
            for name, value in body.items():
                if name in ("id", "turn", "after", "next_cursor") and isinstance(value, str) and MARK not in value:
                    self.ids.add(value)
                self._collect(value)


@pytest.fixture
async def acme(plain: System) -> AsyncIterator[Tenant]:
    """The first workspace."""
    plain.settings |= {"API_RATE": "100000", "API_BURST": "100000", "ALLOW_PRIVATE_URLS": "true"}
    await plain.ingress()
    await plain.worker("tests.acceptance.chatters:chatters", TURN_MAX_ATTEMPTS="1")
    keys = ApiKeys(plain.database)
    _, key = await keys.create("acme", scopes=SCOPES)
    _, publishable = await keys.create("acme", origins=[PAGE])
    async with remote_agent() as remote, aiohttp.ClientSession() as session:
        tenant = Tenant(plain, session, str(key), remote.url)
        await tenant.settle(str(publishable))
        receipt = await plain.deliver("standard", Standard().message(f"hi {MARK}", thread="ticket-1"))
        tenant.ids |= {receipt["thread"]}
        yield tenant


async def _operations(acme: Tenant) -> list[Operation]:
    _, _, document = await acme.call("GET", "/api/v1/openapi.json")
    # A path at the root has the same route as its twin in the API: test_schema.py compares them.
    return [operation for operation in Operation.all(document) if operation.path.startswith("/api/v1/")]


async def test_another_workspaces_key_opens_nothing(plain: System, acme: Tenant) -> None:
    operations = await _operations(acme)
    before = await acme.all_there(operations)
    assert len(before) > 10, "the first workspace sees its own"
    named = 0
    for number, operation in enumerate(operations):
        # A workspace for each: what it makes with these ids is its own, and would be found by the next.
        _, key = await ApiKeys(plain.database).create(f"other-{number}", scopes=SCOPES)
        asked = set()
        for id, agent, query in product(sorted(acme.ids), ("", "echo"), (False, True)):
            names = Names(id, agent or id, acme.url)
            path, body = operation.address(names, query), operation.body(names)
            if (path, str(body)) in asked:
                continue
            asked.add((path, str(body)))
            status, text, _ = await acme.call(operation.method, path, body, str(key))
            what = f"{operation.method} {path} {body}: {status} {text}"
            assert MARK not in text, what
            assert status < 500, what
            strange = set(operation.fields) - FREE
            if not query and strange and (not agent or (strange != {"agent"} and strange != {"model"})):
                # To forget what is not there is no mistake. Not every id could be the name of an agent.
                assert status == 404 or text == '{"reset":false}' or (status == 422 and '"/agent"' in text), what
                named += 1
    assert named > 100
    assert await acme.all_there(operations) == before


async def test_the_token_of_another_session_or_user_opens_nothing(plain: System, acme: Tenant) -> None:
    operations = await _operations(acme)
    before = await acme.all_there(operations)
    bob = await acme.issue_token("bob")
    for operation in operations:
        for id in sorted(acme.ids) if operation.security else ():
            names = Names(id, "echo", acme.url)
            path, body = operation.address(names, query=False), operation.body(names)
            status, text, _ = await acme.call(operation.method, path, body, acme.token, Origin=PAGE)
            assert status == (404 if "session" in operation.security else 403), f"{path}: {status} {text}"
            assert MARK not in text
            status, text, _ = await acme.call(operation.method, path, body, bob)
            what = f"{operation.method} {path}: {status} {text}"
            assert MARK not in text, what
            if "/dialog/" in path:
                # A user's sessions have names of their own: the same text names another session.
                assert status == 200, what
            elif "user" not in operation.security or operation.fields:
                assert status == (404 if "user" in operation.security else 403), what
            else:
                # What bob lists and opens is his own; a body names another user, a query another user's thread.
                assert status in ((404, 422) if "?" in path else (200, 403)), what
    assert await acme.all_there(operations) == before
    await check_own_threads(acme)


async def check_own_threads(acme: Tenant) -> None:
    """Check what the token of the user opens whose thread it is."""
    issued = await acme.issue_token(MARK)
    _, _, page = await acme.call("GET", "/api/v1/chat/threads?archived=any", key=issued)
    [thread] = page["threads"]
    assert (thread["user_id"], thread["title"], thread["system"], thread["metadata"]) == (MARK, MARK, "", {})
    path = f"/api/v1/chat/threads/{thread['id']}"
    _, _, own = await acme.call("GET", path, key=issued)
    assert [message["agent"] for message in own["messages"]] == [None, "echo"] * 2
    for changed, status in (({"title": "Mine"}, 200), ({"system": "x"}, 403), ({"metadata": {}}, 403)):
        assert (await acme.call("PATCH", path, changed, issued))[0] == status, changed
    _, _, opened = await acme.call("POST", "/api/v1/chat/threads", {"agent": "echo"}, issued)
    assert opened["user_id"] == MARK
    for wrong in ({"user_id": "bob"}, {"system": "x"}):
        assert (await acme.call("POST", "/api/v1/chat/threads", wrong, issued))[0] == 403
    assert (await acme.call("GET", "/api/v1/chat/threads?user_id=bob", key=issued))[0] == 403
    _, _, answer = await acme.call("POST", f"/api/v1/chat/threads/{opened['id']}/messages", {"content": "hi"}, issued)
    assert answer["message"]["content"] == "echo: hi"
    assert (await acme.call("DELETE", f"/api/v1/chat/threads/{opened['id']}", key=issued))[0] == 204
    _, _, revoked = await acme.call("POST", "/api/v1/user-tokens/revoke", {"user_id": MARK})
    assert revoked == {"revoked": 1}
