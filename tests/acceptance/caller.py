"""One who calls the API with a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from answerback.store.access.api_keys import ApiKeys
from tests.acceptance.system import System


class Caller:
    """Calls one ingress process with one key."""

    def __init__(self, session: aiohttp.ClientSession, base: str, key: str) -> None:
        self._session = session
        self.base = base
        self.key = key

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The status, and the JSON or text of the answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.request(
            method, f"{self.base}{path}", json=body, headers={"Authorization": f"Bearer {self.key}", **named}
        ) as answer:
            if answer.content_type.endswith("json"):
                return answer.status, await answer.json()
            return answer.status, await answer.text()

    async def get(self, path: str) -> tuple[int, Any]:
        """GET."""
        return await self.call("GET", path)

    async def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        """POST."""
        return await self.call("POST", path, body, **headers)


async def key(system: System, *scopes: str, workspace: str = "") -> str:
    """A new key; for chatting, unless `scopes` say otherwise."""
    _, shown = await ApiKeys(system.database).create(
        workspace or system.workspace, scopes=scopes or ("chat:read", "chat:write")
    )
    return str(shown)


@asynccontextmanager
async def calling(system: System, *scopes: str, workspace: str = "") -> AsyncIterator[Caller]:
    """A caller with a new key."""
    async with aiohttp.ClientSession() as session:
        yield Caller(session, f"http://127.0.0.1:{system.port}", await key(system, *scopes, workspace=workspace))
