"""Clients of the chat API: one that calls, and one that reads a stream as a browser does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from answerback.store.access.api_keys import ApiKeys
from tests.acceptance.system import System


class Answered(msgspec.Struct):
    """An answer: its status, its JSON, its headers."""

    status: int
    body: Any
    headers: dict[str, str]


class Sent(msgspec.Struct):
    """A server-sent event."""

    kind: str
    data: Any
    id: str


class Client:
    """One who calls with a key."""

    def __init__(self, session: aiohttp.ClientSession, port: int, key: str, mount: str = "") -> None:
        self.session = session
        self.port = port
        self.key = key
        self.mount = mount
        self.silences = 0
        """How often a stream has said that it has nothing to say."""

    def url(self, path: str) -> str:
        """Below /api/v1/chat."""
        return f"http://127.0.0.1:{self.port}{self.mount}/api/v1/chat{path}"

    async def call(self, method: str, path: str, json: Any = None, **headers: str) -> Answered:
        """One call."""
        names = {"Authorization": f"Bearer {self.key}"} | {n.replace("_", "-"): value for n, value in headers.items()}
        async with self.session.request(method, self.url(path), json=json, headers=names) as answer:
            raw = await answer.read()
            return Answered(answer.status, msgspec.json.decode(raw) if raw else None, dict(answer.headers))

    async def get(self, path: str) -> Any:
        """What is there."""
        found = await self.call("GET", path)
        assert found.status == 200, found
        return found.body

    async def post(self, path: str, json: Any = None, status: int = 200, **headers: str) -> Any:
        """What it was answered with."""
        found = await self.call("POST", path, json if json is not None else {}, **headers)
        assert found.status == status, found
        return found.body

    async def stream(self, method: str, path: str, json: Any = None, **headers: str) -> AsyncIterator[Sent]:
        """Server-sent events, until they end."""
        names = {"Authorization": f"Bearer {self.key}"} | {n.replace("_", "-"): value for n, value in headers.items()}
        async with self.session.request(method, self.url(path), json=json, headers=names) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.content_type == "text/event-stream"
            fields: dict[str, str] = {}
            async for line in answer.content:
                text = line.decode().rstrip("\n")
                if text.startswith(":"):
                    self.silences += 1
                elif text:
                    name, _, value = text.partition(": ")
                    fields[name] = value
                elif "data" in fields:
                    yield Sent(fields["event"], msgspec.json.decode(fields["data"]), fields.get("id", ""))
                    fields = {}


class Screen:
    """What a reader shows: each message's text, put together of what it was sent."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.kinds: list[str] = []
        self.last = ""
        self.ended: Sent | None = None

    def show(self, sent: Sent) -> None:
        """Take an event in. One that leaves a gap fails."""
        self.kinds.append(sent.kind)
        self.last = sent.id or self.last
        if sent.kind == "text":
            so_far = self.texts.get(sent.data["message"], "")
            assert sent.data["at"] <= len(so_far)
            self.texts[sent.data["message"]] = so_far[: sent.data["at"]] + sent.data["text"]
        elif sent.kind in ("done", "error"):
            self.ended = sent

    async def watch(self, client: Client, path: str, *, at_most: int = 10**9) -> None:
        """Follow a stream to the end of a turn, or for so many events, from where it was left."""
        headers = {"Last_Event_ID": self.last} if self.last else {}
        events = client.stream("GET", path, **headers)
        async with asyncio.timeout(60):
            async for sent in events:
                self.show(sent)
                at_most -= 1
                if self.ended or at_most <= 0:
                    break
        await events.aclose()  # type: ignore[attr-defined]


@asynccontextmanager
async def client(
    system: System, workspace: str = "acme", *scopes: str, port: int = 0, mount: str = ""
) -> AsyncIterator[Client]:
    """A client with a key of its own. `mount`: where the API is mounted."""
    _, shown = await ApiKeys(system.database).create(workspace, scopes=scopes or ("chat:read", "chat:write"))
    async with aiohttp.ClientSession() as session:
        yield Client(session, port or system.port, str(shown), mount)
