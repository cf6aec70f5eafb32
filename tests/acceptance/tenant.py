"""A workspace with something of everything in it, for tests of what others see of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import aiohttp

from tests.acceptance.described import Names, Operation
from tests.acceptance.system import System

MARK = "Zanzibar-7731"
PAGE = "https://www.example.com"


class Tenant:
    """A workspace with something of everything in it, all of it marked. `ids` is all by which any of it is known."""

    def __init__(self, system: System, session: aiohttp.ClientSession, key: str, url: str, *, mount: str = "") -> None:
        self.system = system
        self._base = f"http://127.0.0.1:{system.port}{mount}"
        self._session = session
        self._key = key
        self.url = url
        self.ids: set[str] = set()
        self.strangers_try: list[str] = []
        """Those of them that others try."""
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
        await self._made("/api/v1/agents/acme-agent/acme-talk", {"message": MARK})
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
        return await self.shown(
            {each.address(Names(id, id, self.url), query=False) for each in reads for id in self.ids}
        )

    async def shown(self, paths: Iterable[str]) -> dict[str, str]:
        """Every answer with the mark at these addresses."""
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
